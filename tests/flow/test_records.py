"""What a run's files hold is written again as it was, by the class that reads it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgenas.cost.budget import Budget
from edgenas.figure import COUNTED, ESTIMATED, MEASURED, PREDICTED, Figure, Provenance
from edgenas.flow.records import KINDS, Decoding, Round, Verdict, VerifiedBudget
from edgenas.record import Kept
from edgenas.selection.attempts import Attempt
from edgenas.space import Architecture

from .flows import Finished, copied


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_a_run_is_written_again_as_it_was(finished: Finished, tmp_path: Path, kind: type[Kept]) -> None:
    folder = copied(finished, tmp_path / "run")
    if (found := kind.read(folder)) is None:
        pytest.skip("a run of this kind has no such file")
    before = (folder / kind.FILE).read_bytes()
    found.write(folder)
    assert (folder / kind.FILE).read_bytes() == before


def test_every_value_of_a_run_s_files_is_one_of_its_kind(finished: Finished) -> None:
    """What a class does not have would be lost when it is written again."""
    for kind in KINDS:
        if (found := kind.read(finished.folder)) is not None:
            assert json.loads((finished.folder / kind.FILE).read_text()) == found.to_json()


@pytest.mark.parametrize(("word", "where"), [(MEASURED, "measured"), (COUNTED, "measured"), (ESTIMATED, "estimated"),
                                             (PREDICTED, "predicted")])
def test_a_round_s_costs_stand_under_the_word_for_how_they_are_known(word: Provenance, where: str) -> None:
    made = Round.of(Attempt(Architecture({"a": "x"}), {"latency_ms": 2.0}, {"latency_ms": 1.5}, True),
                    {"latency_ms": word})
    assert made.to_json() == {"architecture": {"a": "x"}, "within": True, "predicted": {"latency_ms": 1.5},
                              "measured": {}} | {where: {"latency_ms": 2.0}}
    assert made.figure("latency_ms") == Figure(2.0, "ms", MEASURED if word == COUNTED else word)


@pytest.mark.parametrize("word", [MEASURED, COUNTED, ESTIMATED, PREDICTED])
def test_a_verified_budget_gives_back_the_figure_that_it_was_made_of(word: Provenance) -> None:
    made = VerifiedBudget.of(Budget("sram_kib", 9.0), 7.0, Figure(7.0, "KiB", word), within=True)
    assert made.figure == VerifiedBudget.from_json(made.to_json()).figure == Figure(7.0, "KiB", word)
    assert (made.measured is None) is (word in (ESTIMATED, PREDICTED))


def test_a_budget_of_an_older_run_is_known_by_where_its_cost_stands() -> None:
    old = {"metric": "latency_ms", "limit": 2.0, "predicted": 1.0, "margin": 0.1, "within": True}
    assert VerifiedBudget.from_json(old | {"measured": 1.5}).figure == Figure(1.5, "ms", MEASURED)
    assert VerifiedBudget.from_json(old | {"measured": None, "estimated": 1.2}).figure == Figure(1.2, "ms", ESTIMATED)
    assert VerifiedBudget.from_json(old | {"measured": None}).figure == Figure(1.0, "ms", PREDICTED)


def test_the_chosen_network_s_figure_is_counted_where_its_model_is_exact(counted: Finished) -> None:
    decoding, verdict = Decoding.read(counted.folder), Verdict.read(counted.folder)
    assert decoding is not None and verdict is not None
    assert [decoding.figure(b.metric) for b in verdict.budgets] == [b.figure for b in verdict.budgets]
    assert {b.figure.provenance for b in verdict.budgets} == {COUNTED}
