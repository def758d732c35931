from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from edgenas.cost.model import CostModel
from edgenas.errors import Diverged
from edgenas.flow.run import Run
from edgenas.flow.work import Work
from edgenas.selection.candidates import CHANCE, costliest, distinct
from edgenas.selection.learning_speed import trial_loss
from edgenas.selection.ranking import ranked
from edgenas.selection.trials import Trial
from edgenas.selection.zero_cost import MEASURES
from edgenas.space import Architecture

from .flows import DIGITS, MOCK, OWN_SPACE, edgenas

FIGURES = {"zero_cost": {*MEASURES, "macs"}, "validation": {"validation"}, "both": {*MEASURES, "macs", "validation"},
           "none": set()}


def searched(folder: Path, *options: str, strategy: str = "snas") -> tuple[dict[str, str], list[dict[str, Any]]]:
    """The architecture, and what was tried."""
    given = [word for text in options for word in ("--set", text)]
    found = edgenas("search", *DIGITS, *MOCK, *OWN_SPACE, "--strategy", strategy, "--search-epochs", "1", "--budget",
                    "macs=66%", *given, "--profiles", folder / "p", "--out", folder / "run", "--json")
    assert found.code == 0, found.err
    return found.document["architecture"], json.loads((folder / "run" / "search.json").read_text())["tried"]


def known(row: dict[str, Any]) -> dict[str, float]:
    return {name: -math.inf if value is None else value for name, value in row.items() if name != "architecture"}


@pytest.mark.parametrize("ranking", list(FIGURES))
def test_the_best_ranked_of_the_tried_is_taken(tmp_path: Path, ranking: str) -> None:
    taken, tried = searched(tmp_path, f"search.ranking={ranking}", "search.candidates=5", "search.trials=0")
    assert len(tried) == 5
    assert all(set(row) == {"architecture", *FIGURES[ranking]} for row in tried)
    assert taken == dict(ranked({Architecture(row["architecture"]): known(row) for row in tried})[0])


def test_trials_alone_decide_between_random_networks_where_nothing_ranks(tmp_path: Path) -> None:
    taken, tried = searched(tmp_path, "search.trials=3", "train.epochs=2", strategy="halving")
    trials = {row["trial_loss"]: row["architecture"] for row in tried if row.get("trial_epochs") == 2}
    assert len([row for row in tried if "trial_loss" in row]) == 3 and len(tried) <= 6
    assert taken in [found for loss, found in trials.items() if loss <= min(trials) * (1 + CHANCE)]
    assert edgenas("report", tmp_path / "run").code == 0


def test_of_the_best_ranked_the_one_that_learns_fastest_is_left_by_successive_halving(tmp_path: Path) -> None:
    taken, tried = searched(tmp_path, "search.candidates=6", "search.trials=4", "train.epochs=5",
                            "search.trial_epochs=1")
    trials = {Architecture(row["architecture"]): (row.pop("trial_loss"), row.pop("trial_epochs"))
              for row in tried if "trial_loss" in row}
    assert set(trials) == set(ranked({Architecture(row["architecture"]): known(row) for row in tried})[:4])
    assert not (tmp_path / "run" / "search" / "trials").exists()
    work = Work(Run.open(tmp_path / "run"))
    config = work.run.config
    rounds = json.loads((tmp_path / "run" / "decoding.json").read_text())["rounds"]
    assert {Architecture(row["architecture"]): (row["trial_loss"], row["trial_epochs"]) for row in rounds
            if "trial_loss" in row} == trials

    def loss(architecture: Architecture, epochs: int) -> float:
        return trial_loss(partial(work.space.build, architecture), work.task, config.train, epochs, 0, work.fabric,
                          tmp_path / f"{architecture.digest}.pt")

    half = sorted(trials, key=lambda a: loss(a, 1))[:2]
    least = min(loss(a, 2) for a in half)
    assert taken in [dict(a) for a in half if loss(a, 2) <= least * (1 + 2 * CHANCE)]
    for architecture, (found, epochs) in trials.items():
        assert epochs == (2 if architecture in half else 1)
        assert found == pytest.approx(loss(architecture, epochs), rel=1e-4)


def test_a_candidate_that_diverges_is_the_last_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def diverging(build: Callable[[], nn.Module], *rest: Any) -> float:
        has_wide = any(isinstance(m, nn.Conv2d) and m.kernel_size == (5, 5) for m in build().modules())
        if has_wide:
            raise Diverged("training diverged")
        return trial_loss(build, *rest)

    monkeypatch.setattr("edgenas.selection.trials.trial_loss", diverging)
    taken, tried = searched(tmp_path, "search.candidates=5")
    losses = {Architecture(row["architecture"]): row["trial_loss"] for row in tried}
    assert {"wide" in architecture.values() for architecture, loss in losses.items() if loss is None} == {True}
    assert "wide" not in taken.values()


def test_without_a_supernet_networks_are_ranked_untrained_or_drawn(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    taken, tried = searched(tmp_path / "a", strategy="zero_cost")
    assert len(tried) > 5 and taken in [row["architecture"] for row in tried]
    (tmp_path / "b").mkdir()
    assert searched(tmp_path / "b", strategy="random")[1] == []


def test_a_ranking_by_a_supernet_that_is_not_trained_is_refused(tmp_path: Path) -> None:
    edgenas("search", *DIGITS, *MOCK, *OWN_SPACE, "--strategy", "zero_cost", "--budget", "macs=80%", "--set",
            "search.ranking=both", "--out", tmp_path / "run").refused(
                2, "ranking both asks the trained supernet", "--set search.ranking=zero_cost")


def test_of_those_that_learn_as_fast_the_one_that_uses_most_of_the_budget_is_taken() -> None:
    model = CostModel("latency_ms", "sum", 1.0, {"a": {"small": 1.0, "middle": 2.0, "large": 4.0, "huge": 5.0}})
    small, middle, large, huge = (Architecture({"a": name}) for name in model.table["a"])
    trials = {small: Trial(1.0, 4), middle: Trial(1.009, 4), large: Trial(1.02, 4), huge: Trial(0.9, 2)}
    assert costliest(trials, small, model) == middle
    assert costliest({}, small, model) == small


def test_no_candidates_leave_the_best_scored(tmp_path: Path) -> None:
    assert searched(tmp_path, "search.candidates=0")[1] == []


def test_a_space_without_feature_maps_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "flat.py").write_text("""
from torch import nn
from edgenas.space import Choice

def network(input_shape, classes):
    wide = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 16))
    choice = Choice({"narrow": nn.Linear(16, 16), "wide": wide})
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(input_shape[0], 16), choice,
                         nn.Linear(16, classes))
""")
    found = edgenas("search", *DIGITS, *MOCK, "--space", f"{tmp_path / 'flat.py'}:network", "--strategy", "zero_cost",
                    "--budget", "macs=90%", "--out", tmp_path / "run")
    assert found.code == 0, found.err
    assert "this space has no two blocks that give feature maps" in found.err
    assert "--set search.ranking=validation" in found.err


def test_networks_of_the_same_measures_are_one() -> None:
    measures = {"expressivity": 1.23456, "progressivity": 0.5, "trainability": -1.0, "macs": 8.0}
    one, same, other = (Architecture({"1": name}) for name in ("one", "same", "other"))
    unmeasured = [Architecture({"1": "flat"}), Architecture({"1": "flatter"})]
    figures = {one: measures, same: measures | {"expressivity": 1.23457}, other: measures | {"trainability": -1.1},
               **{a: measures | dict.fromkeys(MEASURES, -math.inf) for a in unmeasured}}
    assert distinct([same, other, one, *unmeasured], figures) == [same, other, *unmeasured]
    both = Architecture({"1": "one"}), Architecture({"1": "one@int8"})
    assert distinct(list(both), dict.fromkeys(both, measures)) == list(both)
    assert distinct([one, same], {one: {"validation": 0.5}, same: {"validation": 0.5}}) == [one, same]
