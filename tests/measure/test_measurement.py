from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgenas.errors import DeviceError, UsageError
from edgenas.measure.measurement import STATISTICS, Measurement

FINE = Measurement("stem", min_ms=1.0, median_of_minima_ms=1.02, p50_ms=1.25, p90_ms=2.0, mad_ms=0.01, spread=0.03,
                   rounds=3, runs=300, agreed=True)


def test_statistics_by_name():
    assert [FINE.latency_ms(name) for name in STATISTICS] == [1.02, 1.0, 1.25, 2.0]
    assert FINE.latency_ms() == 1.02
    with pytest.raises(UsageError, match="'p91' is no known statistic") as caught:
        FINE.latency_ms("p91")
    assert "did you mean 'p90'?" in caught.value.hint


latencies = st.lists(st.floats(1e-6, 1e6), min_size=4, max_size=4).map(sorted)


@given(latencies, st.floats(0, 100), st.integers(1, 10**9), st.booleans(), st.text(min_size=1))
def test_dictionaries_and_json_lose_nothing(values, spread, runs, agreed, name):
    lowest, median, p50, p90 = values
    found = Measurement(name, lowest, median, p50, p90, spread, spread, 3, runs, agreed, threads=2)
    assert Measurement.from_dict(json.loads(json.dumps(found.to_dict()))) == found


BOTH = replace(FINE, clock="cpu", wall_ms=4.1, cpu_ms=1.02, state={"load_average": 21.0, "steal_share": 0.01})


def test_both_clocks_and_the_load_are_kept_and_older_records_lack_them():
    assert Measurement.from_dict(json.loads(json.dumps(BOTH.to_dict()))) == BOTH
    assert not {"clock", "wall_ms", "cpu_ms", "state"} & FINE.to_dict().keys()
    assert Measurement.from_dict(FINE.to_dict()).clock == "wall"
    assert "  processor's time: other programs made it 4.1 ms of wall time" in str(BOTH).splitlines()


def test_a_record_without_threads_is_single_threaded():
    values = FINE.to_dict()
    del values["threads"]
    assert Measurement.from_dict(values) == FINE


anything = st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
                        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(st.sampled_from(sorted(FINE.to_dict())), anything)
def test_no_value_gets_in_unchecked(name, value):
    try:
        found = Measurement.from_dict({**FINE.to_dict(), name: value})
    except DeviceError as error:
        assert len(error.message) < 250
    else:
        assert found.id and 0 < found.min_ms <= found.p50_ms <= found.p90_ms <= 3.6e6
        assert type(found.agreed) is bool and type(found.runs) is int and found.runs >= 1


@pytest.mark.parametrize(("change", "message"), [
    ({"min_ms": 0.0}, "min_ms is 0.0; it must be more than 0 ms"),
    ({"p90_ms": 4e6}, "p90_ms is 4000000.0; it must be more than 0 ms and at most 3.6e"),
    ({"spread": -0.1}, "spread is -0.1"),
    ({"runs": 2.5}, "runs is 2.5; it must be a whole number"),
    ({"agreed": 1}, "agreed is 1; it must be true or false"),
    ({"id": ""}, "id is ''; it must be a text"),
    ({"p50_ms": 3.0}, "contradict each other"),
    ({"median_of_minima_ms": 0.5}, "contradict each other"),
    ({"clock": "sun"}, "clock is 'sun'; it must be wall or cpu"),
    ({"clock": "cpu", "cpu_ms": 1.0}, "it does not have the figures of both clocks"),
    ({"cpu_ms": 0}, "cpu_ms is 0; it must be more than 0 ms"),
    ({"state": {"steal_share": -1}}, "state is .* must be numbers from 0"),
    ({"colour": 1}, "an unknown value 'colour'"),
])
def test_impossible_values_are_named(change, message):
    with pytest.raises(DeviceError, match=message):
        Measurement.from_dict({**FINE.to_dict(), **change})


def test_prints_itself():
    assert str(FINE).splitlines() == [
        "stem: 1.02 ms, median of the rounds' minima",
        "  min 1, p50 1.25, p90 2 ms; spread 3.0%",
        "  300 runs in 3 rounds, 1 thread",
    ]


def test_prints_a_warning_when_the_rounds_never_agreed():
    doubtful = Measurement.from_dict({**FINE.to_dict(), "agreed": False, "threads": 4})
    assert "4 threads" in str(doubtful)
    assert "WARNING: the rounds never agreed" in str(doubtful)


def test_other_figures_come_along_and_are_left_out_where_there_are_none():
    rich = Measurement.from_dict({**FINE.to_dict(), "figures": {"sram_kib": 96.5, "cycles": 12}})
    assert rich.figures == {"sram_kib": 96.5, "cycles": 12}
    assert Measurement.from_dict(json.loads(json.dumps(rich.to_dict()))) == rich
    assert "figures" not in FINE.to_dict()


@pytest.mark.parametrize("figures", [[1], {"a": -1}, {"a": float("nan")}, {"a": float("inf")}, {"a": True}, {"a": "1"},
                                     {"A b": 1}, {"x" * 41: 1}, {1: 1}])
def test_figures_are_numbers_by_name(figures):
    with pytest.raises(DeviceError, match="figures is .*it must be numbers from 0 by name"):
        Measurement.from_dict({**FINE.to_dict(), "figures": figures})
