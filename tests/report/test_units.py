from __future__ import annotations

import pytest

from edgenas.cost.metrics import METRICS
from edgenas.measure.measurement import STATISTICS
from edgenas.report.markup import figure
from edgenas.report.units import STATISTIC_MEANINGS, amount, digits, percent, titled, unit


def test_every_metric_has_a_unit():
    assert {name: unit(name) for name in METRICS} == {
        "latency_ms": "ms", "macs": "MACs", "params": "parameters", "peak_memory_kib": "KiB",
        "sram_kib": "KiB", "flash_kib": "KiB"}


def test_every_statistic_is_explained():
    assert set(STATISTIC_MEANINGS) == set(STATISTICS)


@pytest.mark.parametrize(("value", "text"), [
    (0.58419, "0.5842"), (0.3, "0.3"), (99.32, "99.32"), (948384, "948,384"), (1234.56, "1,235"),
    (2.5e-6, "2.5e-06"), (0, "0"), (-0.0123456, "-0.01235")])
def test_digits(value, text):
    assert digits(value) == text


def test_amounts_carry_their_unit():
    assert amount("latency_ms", 0.58419) == figure(0.58419, "0.5842 ms")
    assert amount("energy", 3.0) == figure(3.0, "3")
    assert percent(0.98148) == figure(0.98148, "98.15%")


def test_axis_titles():
    assert titled("latency_ms", "measured") == "latency_ms in ms, measured"
    assert titled("energy", "measured") == "energy, measured"
