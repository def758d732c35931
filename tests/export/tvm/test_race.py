from __future__ import annotations

import pytest
import tvm

from edgenas.errors import ExportError
from edgenas.export.tvm import race as tvm_race
from edgenas.export.tvm.race import ROUNDS, is_faster, race, use_threads


def test_all_take_turns(monkeypatch) -> None:
    monkeypatch.setattr(tvm_race, "BATCH_S", 0.0)
    turns: list[str] = []
    times = race([lambda: turns.append("a"), lambda: turns.append("b")], 0)
    assert [len(own) for own in times] == [ROUNDS, ROUNDS]
    assert "".join(turns[8:]) == "abbaabbaab"


@pytest.mark.parametrize(("second", "faster"), [
    ([0.9, 0.9, 0.9], True), ([0.99, 0.99, 0.99], False), ([0.5, 1.2, 1.2], False), ([1.0, 0.9, 0.9], True),
    ([1.1, 1.1, 1.1], False),
])
def test_faster_is_at_its_fastest_and_by_two_percent_in_most_rounds(second: list[float], faster: bool) -> None:
    assert is_faster([[1.0, 1.0, 1.0], second]) is faster


def test_the_fastest_run_counts_too() -> None:
    assert not is_faster([[1.0, 3.0, 3.0], [1.1, 2.0, 2.0]])


def test_threads_that_tvm_does_not_have_are_refused(monkeypatch) -> None:
    monkeypatch.setenv("TVM_NUM_THREADS", "1")
    asked: list[tuple[int, int]] = []
    functions = {"runtime.NumThreads": lambda: 1, "runtime.config_threadpool": lambda *given: asked.append(given)}
    monkeypatch.setattr(tvm, "get_global_func", functions.__getitem__)
    use_threads(1)
    assert asked == []
    with pytest.raises(ExportError, match="cannot measure on 3 threads: TVM has 1 in this process"):
        use_threads(3)
    assert asked == [(1, 3)]
