"""Spaces in which the precision of a block is a choice."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgenas.cost.exact import exact_model
from edgenas.cost.model import whole
from edgenas.cost.sampling import SPREAD, spread
from edgenas.space import Architecture, Choice, Space
from edgenas.space.int8 import Int8
from edgenas.space.narrowing import narrowed
from edgenas.space.operators import ConvBN, Head, MBConv
from edgenas.space.precision import in_precision, in_vain, int8_choices, mixed, uniform


def network(input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    block = Choice({"narrow": MBConv(8, 8, 3, 3), "wide": MBConv(8, 8, 5, 6), "skip": nn.Identity()})
    return nn.Sequential(ConvBN(input_shape[0], 8, 3), block, nn.ReLU(), Head(8, 16, classes))


PLAIN = Space("own", network, (3, 8, 8), 4)
SPACE = mixed(PLAIN)
PICKED = Architecture({"0": "convbn", "1": "wide@int8", "3": "head"})


def images(count: int) -> Tensor:
    return torch.randn(count, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def test_what_computes_has_a_twin():
    assert SPACE.choices == {"0": ("convbn", "convbn@int8"),
                             "1": ("narrow", "wide", "skip", "narrow@int8", "wide@int8"),
                             "3": ("head", "head@int8")}
    assert in_precision(PLAIN, "int8") is PLAIN and in_precision(PLAIN, "mixed").choices == SPACE.choices


def test_twins_share_their_weights_in_the_supernet_and_in_what_is_picked_from_it():
    supernet = SPACE.supernet()
    choice = supernet.get_submodule("1")
    assert isinstance(choice, Choice)
    twin = choice.candidates["wide@int8"]
    assert isinstance(twin, Int8) and twin.block is choice.candidates["wide"] and twin.simulated
    built = SPACE.build(PICKED).eval()
    assert not any(isinstance(part, Choice) for part in built.modules())
    assert [part.simulated for part in built.modules() if isinstance(part, Int8)] == [False]
    outline = SPACE.outline(PICKED)
    assert [type(part) for part in outline] == [ConvBN, Int8, nn.ReLU, Head]
    assert {key: value.shape for key, value in outline.state_dict().items()} == {
        key: value.shape for key, value in built.state_dict().items()}


def test_an_architecture_tells_precision_and_what_costs_it():
    assert int8_choices(PICKED) == ("1",)
    exact, int8 = (uniform(PICKED, SPACE.choices, int8=which) for which in (False, True))
    assert exact == {"0": "convbn", "1": "wide", "3": "head"}
    assert int8 == {"0": "convbn@int8", "1": "wide@int8", "3": "head@int8"}
    assert len({whole(SPACE, a).signature for a in (PICKED, exact, int8)}) == 3
    assert whole(SPACE, exact).signature == whole(PLAIN, Architecture({"1": "wide"})).signature
    for metric in ("peak_memory_kib", "flash_kib", "macs"):
        model = exact_model(SPACE, metric, "mixed")
        assert model.predict(exact) == exact_model(PLAIN, metric).predict(Architecture({"1": "wide"}))
    assert model.predict(exact) == model.predict(int8)
    memory = exact_model(SPACE, "peak_memory_kib", "mixed")
    assert memory.predict(exact) > memory.predict(PICKED) >= memory.predict(int8)
    assert not memory.exact


def test_networks_that_calibrate_are_also_whole_in_either_precision():
    shares = [len(int8_choices(a)) for a in spread(SPACE, SPREAD)]
    assert 0 in shares and max(shares) == 3
    assert not any(int8_choices(a) for a in spread(PLAIN, SPREAD))


def test_a_twin_can_be_left_out():
    assert narrowed(SPACE, {"1": ["wide@int8"]}).choices["1"] == ("narrow", "wide", "skip", "narrow@int8")


def test_int8_that_no_budget_gains_by_is_in_vain():
    latency = {"0": {"convbn": 1.0, "convbn@int8": 2.0}, "3": {"head": 2.0, "head@int8": 1.0},
               "1": {"narrow": 1.0, "wide": 3.0, "skip": 0.0, "narrow@int8": 1.0, "wide@int8": 2.0}}
    assert in_vain(SPACE.choices, [latency]) == {"0": ("convbn@int8",), "1": ("narrow@int8",)}
    memory = exact_model(SPACE, "peak_memory_kib", "mixed").table
    assert in_vain(SPACE.choices, [latency, memory]) == {}
    left = narrowed(SPACE, in_vain(SPACE.choices, [latency]))
    assert left.choices["0"] == ("convbn",) and left.supernet()(images(2)).shape == (2, 4)
    assert in_vain(PLAIN.choices, [exact_model(PLAIN, "macs").table]) == {}


def test_it_is_searched_with_the_rounding_of_int8():
    supernet = SPACE.supernet().eval()
    with torch.no_grad():
        outputs = {}
        for name in ("wide", "wide@int8"):
            choice = supernet.get_submodule("1")
            assert isinstance(choice, Choice)
            outputs[name] = choice.candidates[name](torch.randn(4, 8, 8, 8, generator=torch.Generator().manual_seed(0)))
        supernet(images(2))
    off = (outputs["wide"] - outputs["wide@int8"]).norm() / outputs["wide"].norm()
    assert 0.001 < float(off) < 0.05
