from __future__ import annotations

import pytest

from edgenas.cost.published import Published, latency_from
from edgenas.errors import DeviceError
from edgenas.measure.measurement import STATISTICS, Measurement

from .nets import measured

BLOCK = Published("Conv-input:8x8x3-output:4x4x8", 2.0, 0.5, 30)


def test_the_mean_stands_for_every_statistic() -> None:
    assert {BLOCK.latency_ms(statistic) for statistic in STATISTICS} == {2.0}


def test_what_was_written_is_read() -> None:
    assert latency_from(BLOCK.to_dict()) == BLOCK
    assert isinstance(latency_from(measured(1.0).to_dict()), Measurement)
    with pytest.raises(DeviceError):
        latency_from({"min_ms": 1.0})


@pytest.mark.parametrize("change", [{"mean_ms": 0.0}, {"mean_ms": float("nan")}, {"mean_ms": float("inf")},
                                    {"std_ms": -1.0}, {"count": 0}, {"median_ms": 1.0}, {"mean_ms": "fast"}])
def test_what_is_no_latency_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="published latency|could not convert"):
        Published.from_dict(BLOCK.to_dict() | change)
