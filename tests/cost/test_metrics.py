from __future__ import annotations

from pathlib import Path

import pytest
import torch

from edgenas.cost.metrics import METRICS, metric_of
from edgenas.cost.network import Network, Operator, trace
from edgenas.errors import UsageError
from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.quantise.quantised import random_calibration
from edgenas.flow.measure import distinct

from .nets import draws, mobile

NETWORK = Network((10,), (Operator("conv2d", "", (-1,), (20,), 300, 70), Operator("add", "", (0,), (226,), 5, 30)))


@pytest.mark.parametrize(("name", "fp32", "int8"), [
    ("macs", 305, 305), ("params", 100, 100), ("peak_memory_kib", 246 * 4 / 1024, 246 / 1024),
    ("flash_kib", (100 * 4 + 2 * 250) / 1024, (100 + 2 * 400 + 30 * (20 + 226)) / 1024),
])
def test_metrics_of_a_network(name: str, fp32: float, int8: float) -> None:
    of = metric_of(name).of
    assert of is not None
    assert (of(NETWORK, "fp32"), of(NETWORK, "int8")) == pytest.approx((fp32, int8))


def test_the_size_of_an_int8_file_is_predicted_nearly(tmp_path: Path) -> None:
    space, of = mobile(), metric_of("flash_kib").of
    assert of is not None
    image = torch.randn(1, *space.input_shape)
    for index, architecture in enumerate(draws(space, 4)):
        module, file = space.build(architecture).eval(), tmp_path / f"{index}.tflite"
        exporter("tflite").export([Export(distinct(module), image, file, random_calibration(image))], precision="int8")
        assert of(trace(module, space.input_shape), "int8") == pytest.approx(file.stat().st_size / 1024, rel=0.06)


def test_what_a_device_must_tell() -> None:
    assert [name for name, metric in METRICS.items() if metric.of is None] == ["latency_ms", "sram_kib"]
    assert [name for name, metric in METRICS.items() if metric.combine == "max"] == ["peak_memory_kib", "sram_kib"]
    assert {name for name, metric in METRICS.items() if metric.exact} == {"macs", "params", "peak_memory_kib"}


@pytest.mark.parametrize(("name", "near"), [("latency", "latency_ms"), ("peak_memory", "peak_memory_kib")])
def test_an_unknown_metric_is_refused_with_the_nearest(name: str, near: str) -> None:
    with pytest.raises(UsageError, match=f"'{name}' is no known metric") as caught:
        metric_of(name)
    assert f"did you mean '{near}'" in caught.value.hint
