from __future__ import annotations

from pathlib import Path

import pytest

from edgenas.cost.metrics import METRICS, metric_of
from edgenas.cost.model import exact_model
from edgenas.cost.operators import Network, Operator, example_input, trace
from edgenas.errors import UsageError
from edgenas.export import exporter
from edgenas.export.base import Export

from .nets import twins

NETWORK = Network((10,), (Operator("conv2d", "", (-1,), (20,), 300, 70), Operator("add", "", (0,), (226,), 5, 30)))


@pytest.mark.parametrize(("name", "value"), [
    ("macs", 305), ("params", 100), ("peak_memory_kib", 246 * 4 / 1024), ("flash_kib", (100 * 4 + 2 * 250) / 1024),
])
def test_metrics_of_a_network(name: str, value: float) -> None:
    of = metric_of(name).of
    assert of is not None
    assert of(NETWORK) == pytest.approx(value)


def test_only_latency_must_be_measured() -> None:
    assert [name for name, metric in METRICS.items() if metric.of is None] == ["latency_ms"]
    assert [name for name, metric in METRICS.items() if metric.combine == "max"] == ["peak_memory_kib"]
    assert {name for name, metric in METRICS.items() if metric.exact} == {"macs", "params", "peak_memory_kib"}


@pytest.mark.parametrize(("name", "near"), [("latency", "latency_ms"), ("peak_memory", "peak_memory_kib")])
def test_an_unknown_metric_is_refused_with_the_nearest(name: str, near: str) -> None:
    with pytest.raises(UsageError, match=f"'{name}' is no known metric") as caught:
        metric_of(name)
    assert f"did you mean '{near}'" in caught.value.hint


def test_flash_is_near_the_size_of_the_exported_file(tmp_path: Path) -> None:
    space = twins()
    network = space.build(exact_model(space, "macs").largest())
    exporter("onnx").export([Export(network.eval(), example_input(space.input_shape), tmp_path / "a.onnx")])
    of = metric_of("flash_kib").of
    assert of is not None
    predicted = of(trace(network, space.input_shape))
    assert predicted == pytest.approx((tmp_path / "a.onnx").stat().st_size / 1024, rel=0.25)
