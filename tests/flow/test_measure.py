from __future__ import annotations

from pathlib import Path

import pytest

from edgenas.cost.budget import Request
from edgenas.export.package.about import embedded
from edgenas.flow import measure as measuring
from edgenas.flow.measure import MOST_REPEATS, REPEATS, costs, exported, figure, lowest, measure_files, spread
from edgenas.flow.run import Run
from edgenas.flow.work import Work
from edgenas.space import Architecture

from .flows import Finished, copied, exact


@pytest.fixture
def work(counted: Finished, tmp_path: Path) -> Work:
    return Work(Run.open(copied(counted, tmp_path / "run")))


def sessions(monkeypatch, **latencies: list[float]) -> list[list[str]]:
    """Let files measure these latencies, one session after the other; returns what was asked for, call by call."""
    asked: list[list[str]] = []

    def measure(device, runtime, artifacts, *, threads):
        asked.append([artifact.id for artifact in artifacts])
        for artifact in artifacts:
            made = exact(latencies[artifact.id.partition("#")[0]].pop(0))
            yield type(made)(**made.to_dict() | {"id": artifact.id})

    monkeypatch.setattr(measuring, "measure", measure)
    return asked


def values(measurements) -> list[float]:
    return [m.latency_ms() for m in measurements]


def test_files_are_measured_in_turn_in_several_sessions(work: Work, monkeypatch):
    asked = sessions(monkeypatch, a=[1.0, 1.01, 1.02], b=[2.0, 2.0, 2.0])
    found = measure_files(work.target, {"a": Path("a"), "b": Path("b")}, "mock")
    assert asked == [["a#0", "b#0", "a#1", "b#1", "a#2", "b#2"]]
    assert values(found["a"]) == [1.0, 1.01, 1.02] and values(found["b"]) == [2.0] * 3


def test_a_file_whose_sessions_disagree_is_measured_until_the_lowest_agree(work: Work, monkeypatch):
    asked = sessions(monkeypatch, a=[1.0, 9.0, 1.3, 1.01, 1.02], b=[2.0, 2.0, 2.0])
    found = measure_files(work.target, {"a": Path("a"), "b": Path("b")}, "mock")
    assert [len(call) for call in asked] == [6, 1, 1]
    assert values(found["a"]) == [1.0, 1.01, 1.02]


def test_a_file_that_never_agrees_is_not_measured_for_ever(work: Work, monkeypatch):
    asked = sessions(monkeypatch, a=[float(2**i) for i in range(20)])
    found = measure_files(work.target, {"a": Path("a")}, "mock")
    assert sum(map(len, asked)) == MOST_REPEATS and values(found["a"]) == [1.0, 2.0, 4.0]


def test_nothing_to_measure_starts_nothing(work: Work, monkeypatch):
    asked = sessions(monkeypatch)
    assert measure_files(work.target, {}, "mock") == {} and asked == []


def test_figures_of_several_sessions():
    made = [exact(value) for value in (4.0, 1.0, 3.0, 2.0)]
    assert values(lowest(made, "min")) == [1.0, 2.0, 3.0] and REPEATS == 3
    assert figure(made[:3], "p90") == 3.0
    assert spread(made, "p50") == 3.0


def test_what_is_counted_needs_no_file(work: Work, monkeypatch):
    monkeypatch.setattr(measuring, "measure", lambda *_, **__: pytest.fail("measured"))
    monkeypatch.setattr("edgenas.export.base.Export.__init__", lambda *_: pytest.fail("exported"))
    networks = {name: work.space.build(Architecture({"1": name, "2": "skip"})) for name in ("skip", "wide")}
    found = costs(work, networks)
    assert found["skip"] == {"macs": 12960.0, "peak_memory_kib": 6.0}
    assert found["wide"]["macs"] == 138912.0


def test_a_network_that_the_profile_knows_is_not_measured_again(finished: Finished, tmp_path: Path, monkeypatch):
    work = Work(Run.open(copied(finished, tmp_path / "run")))
    monkeypatch.setattr(measuring, "measure", lambda *_, **__: pytest.fail("measured"))
    (row,) = costs(work, {"found": work.space.build(work.architecture)}).values()
    assert row == {"latency_ms": finished.result.document["budgets"][0]["measured"]}


def test_files_whose_size_counts_say_what_they_are_as_the_trained_one_will(work: Work):
    run, network = work.run, work.network()
    counted = Work(Run(run.folder, run.config.model_copy(update={"budgets": (Request("flash_kib", 100.0),)})))
    with exported(work, {"a": network}) as plain, exported(counted, {"a": network}) as labelled:
        assert embedded(plain["a"]) is None and embedded(labelled["a"]) is not None
        trained = (run.artifacts / "model.onnx").stat().st_size
        assert plain["a"].stat().st_size < trained <= labelled["a"].stat().st_size
