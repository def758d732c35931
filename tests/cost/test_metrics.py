from __future__ import annotations

import pytest

from edgenas.cost.metrics import METRICS, metric_of
from edgenas.cost.operators import Network, Operator
from edgenas.errors import UsageError

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
