from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from edgenas.cost.operators import trace
from edgenas.errors import BudgetError
from edgenas.flow import hand_made
from edgenas.flow.run import Run
from edgenas.flow.work import Work
from edgenas.progress import Silent
from edgenas.selection.learning_speed import trial_loss

from .flows import Finished, copied


@pytest.fixture
def work(counted: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Work:
    monkeypatch.setattr(hand_made, "DEPTHS", (1, 2))
    monkeypatch.setattr(hand_made, "WIDTHS", (0.25, 0.5, 0.75))
    return Work(Run.open(copied(counted, tmp_path / "run")))


def bounded(work: Work, monkeypatch: pytest.MonkeyPatch, macs: float) -> list[int]:
    """Let costs be multiply-accumulates alone, with a budget of so many; returns what is asked for, as it is."""
    asked: list[int] = []

    def costs(_: Work, networks: dict[str, nn.Module]) -> dict[str, dict[str, float]]:
        found = {name: trace(network, work.space.input_shape).macs for name, network in networks.items()}
        asked.extend(found.values())
        return {name: {budget.metric: 0.0 for budget in work.budgets} | {"macs": float(count)}
                for name, count in found.items()}

    monkeypatch.setattr(hand_made, "costs_everywhere", costs)
    monkeypatch.setattr(hand_made, "run_budgets", lambda work: [b if b.metric != "macs" else type(b)("macs", macs)
                                                               for b in work.budgets])
    return asked


def macs(work: Work, width: float, depth: int) -> int:
    return trace(hand_made.network(work, width, depth).eval(), work.space.input_shape).macs


def test_of_each_depth_the_widest_that_holds_is_found_by_bisection(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    widths = hand_made.different_widths()
    for i, width in enumerate(widths):
        asked = bounded(work, monkeypatch, macs(work, width, 1))
        figures = {b.metric: 0.0 for b in work.budgets} | {"macs": macs(work, width, 1)}
        assert hand_made.widest(work, 1) == (width, figures)
        assert len(asked) <= 2  # of three
        assert i == 0 or macs(work, widths[i - 1], 1) < macs(work, width, 1)
    bounded(work, monkeypatch, macs(work, widths[0], 1) - 1)
    assert hand_made.widest(work, 1) is None
    monkeypatch.setattr(hand_made, "DEPTHS", (1,))
    with pytest.raises(BudgetError, match="no MobileNetV2-like network"):
        hand_made.hand_made(work, Silent())


def test_of_those_the_one_that_learns_fastest_is_taken(work: Work, monkeypatch: pytest.MonkeyPatch,
                                                       tmp_path: Path) -> None:
    bounded(work, monkeypatch, macs(work, 0.5, 2))
    build, row = hand_made.hand_made(work, Silent())
    held: dict[int, Any] = {depth: hand_made.widest(work, depth) for depth in (1, 2)}
    config = work.run.config
    losses = {depth: trial_loss(partial(hand_made.network, work, held[depth][0], depth), work.task, config.train,
                                config.search.first_trial(config.train.epochs), config.seed, work.fabric,
                                tmp_path / f"{depth}.pt") for depth in held}
    assert row["depth"] == min(losses, key=lambda depth: losses[depth])
    assert (row["width"], row["measured"]) == held[row["depth"]]
    assert trace(build().eval(), work.space.input_shape).macs == row["measured"]["macs"]
    assert not (work.run.folder / "baselines" / "trials").exists()
    assert json.dumps(row)


def test_widths_that_round_to_the_same_channels_are_tried_once(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hand_made, "WIDTHS", (0.5, 0.501, 0.75))
    assert hand_made.different_widths() == [0.501, 0.75]
    signatures = [trace(hand_made.network(work, width, 1).eval(), work.space.input_shape).signature
                  for width in hand_made.WIDTHS]
    assert signatures[0] == signatures[1] != signatures[2]
