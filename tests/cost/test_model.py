from __future__ import annotations

from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgenas.cost import model as module
from edgenas.cost.exact import exact_model
from edgenas.cost.metrics import METRICS
from edgenas.cost.model import CostModel, combined, networks
from edgenas.cost.network import trace
from edgenas.errors import UsageError
from edgenas.space import Architecture, Space

from .nets import draws, mobile, twins

COSTS = st.floats(-5, 50)


@st.composite
def models(draw: st.DrawFn) -> CostModel:
    names = [f"c{i}" for i in range(draw(st.integers(1, 3)))]
    table = {name: {f"o{i}": draw(COSTS) for i in range(draw(st.integers(2, 4)))} for name in names}
    parts = draw(st.dictionaries(st.sampled_from(["stem", "head"]), COSTS))
    combine = draw(st.sampled_from(["sum", "max"]))
    fixed = max([0.0, *parts.values()]) if combine == "max" else sum(parts.values(), draw(COSTS))
    return CostModel("latency_ms", combine, fixed, table, bias=draw(COSTS), fixed_parts=parts)


def every(model: CostModel) -> list[Architecture]:
    return [Architecture(dict(zip(model.table, picks, strict=True))) for picks in product(*model.table.values())]


def by_hand(model: CostModel, architecture: Architecture) -> float:
    values = [model.fixed] + [model.table[choice][architecture[choice]] for choice in model.table]
    return (sum(values) if model.combine == "sum" else max(values)) + model.bias


@given(models())
@settings(deadline=None)
def test_predictions_and_their_range_are_those_of_all_architectures(model: CostModel) -> None:
    costs = [by_hand(model, a) for a in every(model)]
    assert [model.predict(a) for a in every(model)] == pytest.approx(costs)
    assert model.reachable == pytest.approx((min(costs), max(costs)))
    assert model.predict(model.smallest()) == pytest.approx(min(costs))
    assert model.predict(model.largest()) == pytest.approx(max(costs))


@given(models(), COSTS)
@settings(deadline=None)
def test_a_corrected_model_predicts_what_was_measured_and_shifts_all_others_alike(
        model: CostModel, measured: float) -> None:
    one = every(model)[-1]
    corrected = model.corrected(one, measured)
    assert corrected.predict(one) == pytest.approx(measured)
    for a in every(model):
        assert corrected.predict(a) - model.predict(a) == pytest.approx(measured - model.predict(one), abs=1e-9)


@given(models())
@settings(deadline=None)
def test_shares_add_up_to_the_prediction(model: CostModel) -> None:
    for a in every(model)[:4]:
        shares = model.shares(a)
        assert set(shares) - {"overhead"} == {*model.table, *model.fixed_parts}
        if model.combine == "sum":
            assert sum(shares.values()) == pytest.approx(model.predict(a), abs=1e-9)
        else:
            assert max([model.fixed, *shares.values()]) == pytest.approx(model.predict(a) - model.bias)


def test_the_tensor_is_the_table_in_the_order_of_the_choices() -> None:
    model = CostModel("macs", "sum", 1.0, {"b": {"x": 1.0, "y": 2.0, "z": 3.0}, "a": {"z": 4.0, "x": 5.0}})
    found = model.tensor({"a": ("x", "z"), "b": ("z", "y", "x")})
    assert torch.equal(found, torch.tensor([[5.0, 4.0, 0.0], [3.0, 2.0, 1.0]]))


SPACES = {"mobile": mobile(), "excited": mobile(squeeze_excite="true", activation="hardswish")}


@pytest.mark.parametrize("name", SPACES)
def test_metrics_of_the_parts_combine_to_those_of_the_whole_network(name: str) -> None:
    space = SPACES[name]
    macs = exact_model(space, "macs")
    architectures = [*draws(space, 6), macs.smallest(), macs.largest()]
    wholes = [trace(space.build(a), space.input_shape) for a in architectures]
    for metric, exact, precision in (("macs", True, "fp32"), ("params", True, "fp32"), ("flash_kib", False, "fp32"),
                                     ("peak_memory_kib", True, "fp32"), ("peak_memory_kib", True, "int8")):
        of, model = METRICS[metric].of, exact_model(space, metric, precision)
        assert of is not None
        assert model.exact is exact
        found = [of(whole, precision) for whole in wholes]
        assert [model.predict(a) for a in architectures] == pytest.approx(found, rel=1e-12)
        assert len(set(found)) > 2


def test_latency_cannot_be_known_without_a_device() -> None:
    with pytest.raises(UsageError, match="latency_ms must be measured") as caught:
        exact_model(twins(), "latency_ms")
    assert caught.value.hint.startswith("edgenas profile")


def test_parts_combine_by_the_metric() -> None:
    space = twins()
    costs = {(p.place, p.candidate): float(i) for i, p in enumerate(space.parts)}
    places = {"stem": 0.0, "head": 7.0}
    table = {"first": {"small": 1.0, "large": 2.0, "skip": 3.0}, "second": {"small": 4.0, "large": 5.0, "skip": 6.0}}
    summed = combined(space, "latency_ms", costs, fixed=10.0, margin=0.1)
    assert summed == CostModel("latency_ms", "sum", 17.0, table, margin=0.1, fixed_parts=places)
    assert combined(space, "peak_memory_kib", costs) == CostModel("peak_memory_kib", "max", 7.0, table,
                                                                  fixed_parts=places)


def test_networks_lists_what_is_executed_and_traces_equal_parts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    space: Space = twins()
    traced: list[str] = []

    def counting(part: torch.nn.Module, shape: tuple[int, ...]) -> object:
        traced.append(type(part).__name__)
        return trace(part, shape)

    monkeypatch.setattr(module, "trace", counting)
    found = networks(space)
    assert list(found) == [(p.place, p.candidate) for p in space.parts]
    assert [key for key, network in found.items() if network is None] == [("first", "skip"), ("second", "skip")]
    assert networks(space) is found
    assert traced == ["ConvBN", "ConvBN", "ConvBN", "Sequential"]  # the stem, two candidates of both choices, the head
    assert networks(twins()) is not found
