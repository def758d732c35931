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
from edgenas.progress import Silent
from edgenas.selection.learning_speed import trial_loss

from .flows import Finished, copied


@pytest.fixture
def run(counted: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(hand_made, "DEPTHS", (1, 2))
    monkeypatch.setattr(hand_made, "WIDTHS", (0.25, 0.5, 0.75))
    return Run.open(copied(counted, tmp_path / "run"))


def bounded(run: Run, monkeypatch: pytest.MonkeyPatch, macs: float) -> list[int]:
    """Let costs be multiply-accumulates alone, with a budget of so many; returns what is asked for, as it is."""
    asked: list[int] = []

    def costs(_: Run, networks: dict[str, nn.Module]) -> dict[str, dict[str, float]]:
        found = {name: trace(network, run.space.input_shape).macs for name, network in networks.items()}
        asked.extend(found.values())
        return {name: {budget.metric: 0.0 for budget in run.budgets} | {"macs": float(count)}
                for name, count in found.items()}

    monkeypatch.setattr(hand_made, "costs_everywhere", costs)
    monkeypatch.setattr(hand_made, "run_budgets", lambda run: [b if b.metric != "macs" else type(b)("macs", macs)
                                                               for b in run.budgets])
    return asked


def macs(run: Run, width: float, depth: int) -> int:
    return trace(hand_made.network(run, width, depth).eval(), run.space.input_shape).macs


def test_of_each_depth_the_widest_that_holds_is_found_by_bisection(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    widths = hand_made.different_widths()
    for i, width in enumerate(widths):
        asked = bounded(run, monkeypatch, macs(run, width, 1))
        assert hand_made.widest(run, 1) == (width, {b.metric: 0.0 for b in run.budgets} | {"macs": macs(run, width, 1)})
        assert len(asked) <= 2  # of three
        assert i == 0 or macs(run, widths[i - 1], 1) < macs(run, width, 1)
    bounded(run, monkeypatch, macs(run, widths[0], 1) - 1)
    assert hand_made.widest(run, 1) is None
    monkeypatch.setattr(hand_made, "DEPTHS", (1,))
    with pytest.raises(BudgetError, match="no MobileNetV2-like network"):
        hand_made.hand_made(run, Silent())


def test_of_those_the_one_that_learns_fastest_is_taken(run: Run, monkeypatch: pytest.MonkeyPatch,
                                                       tmp_path: Path) -> None:
    bounded(run, monkeypatch, macs(run, 0.5, 2))
    build, row = hand_made.hand_made(run, Silent())
    held: dict[int, Any] = {depth: hand_made.widest(run, depth) for depth in (1, 2)}
    config = run.config
    losses = {depth: trial_loss(partial(hand_made.network, run, held[depth][0], depth), run.task, config.train,
                                config.search.first_trial(config.train.epochs), config.seed, run.fabric,
                                tmp_path / f"{depth}.pt") for depth in held}
    assert row.depth == min(losses, key=lambda depth: losses[depth])
    assert (row.width, row.measured) == held[row.depth]
    assert trace(build().eval(), run.space.input_shape).macs == row.measured["macs"]
    assert not (run.folder / "baselines" / "trials").exists()
    assert json.dumps(row.to_json())


def test_widths_that_round_to_the_same_channels_are_tried_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hand_made, "WIDTHS", (0.5, 0.501, 0.75))
    assert hand_made.different_widths() == [0.501, 0.75]
    signatures = [trace(hand_made.network(run, width, 1).eval(), run.space.input_shape).signature
                  for width in hand_made.WIDTHS]
    assert signatures[0] == signatures[1] != signatures[2]
