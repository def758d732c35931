from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from edgenas.cost.budget import Budget
from edgenas.cost.network import trace
from edgenas.errors import BudgetError
from edgenas.flow.run import Run
from edgenas.flow.selection import trials_of
from edgenas.flow.work import Work
from edgenas.progress import Silent
from edgenas.selection import hand_made
from edgenas.selection.learning_speed import trial_loss

from .flows import Finished, copied


@pytest.fixture
def work(counted: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Work:
    monkeypatch.setattr(hand_made, "DEPTHS", (1, 2))
    monkeypatch.setattr(hand_made, "WIDTHS", (0.25, 0.5, 0.75))
    return Work(Run.open(copied(counted, tmp_path / "run")))


@dataclass
class Macs:
    """Costs are multiply-accumulates alone, with a budget of so many. asked: what was asked for, as it is."""

    work: Work
    most: float
    asked: list[int] = field(default_factory=list)

    @property
    def budgets(self) -> list[Budget]:
        return [b if b.metric != "macs" else Budget("macs", self.most) for b in self.work.budgets]

    def of(self, network: nn.Module) -> dict[str, float]:
        self.asked.append(trace(network, self.work.task.input_shape).macs)
        return {budget.metric: 0.0 for budget in self.work.budgets} | {"macs": float(self.asked[-1])}

    def widest(self, depth: int) -> tuple[float, dict[str, float]] | None:
        return hand_made.widest(self.work.task, depth, self.of, self.budgets)

    def made(self) -> tuple[Callable[[], nn.Module], hand_made.HandMade]:
        trials = trials_of(self.work, self.work.run.folder / "baselines" / "trials", Silent())
        return hand_made.hand_made(self.of, self.budgets, self.work.run.config.search, trials)


def macs(work: Work, width: float, depth: int) -> int:
    return trace(hand_made.network(work.task, width, depth).eval(), work.task.input_shape).macs


def test_of_each_depth_the_widest_that_holds_is_found_by_bisection(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    widths = hand_made.different_widths()
    for i, width in enumerate(widths):
        limit = Macs(work, macs(work, width, 1))
        figures = {b.metric: 0.0 for b in work.budgets} | {"macs": macs(work, width, 1)}
        assert limit.widest(1) == (width, figures)
        assert len(limit.asked) <= 2  # of three
        assert i == 0 or macs(work, widths[i - 1], 1) < macs(work, width, 1)
    limit = Macs(work, macs(work, widths[0], 1) - 1)
    assert limit.widest(1) is None
    monkeypatch.setattr(hand_made, "DEPTHS", (1,))
    with pytest.raises(BudgetError, match="no MobileNetV2-like network"):
        limit.made()


def test_of_those_the_one_that_learns_fastest_is_taken(work: Work, tmp_path: Path) -> None:
    limit = Macs(work, macs(work, 0.5, 2))
    build, row = limit.made()
    held: dict[int, Any] = {depth: limit.widest(depth) for depth in (1, 2)}
    config = work.run.config
    losses = {depth: trial_loss(partial(hand_made.network, work.task, held[depth][0], depth), work.task, config.train,
                                config.search.first_trial(config.train.epochs), config.seed, work.fabric,
                                tmp_path / f"{depth}.pt") for depth in held}
    assert row.depth == min(losses, key=lambda depth: losses[depth])
    assert (row.width, row.costs) == held[row.depth]
    assert trace(build().eval(), work.task.input_shape).macs == row.costs["macs"]
    assert not (work.run.folder / "baselines" / "trials").exists()
    assert json.dumps(asdict(row))


def test_widths_that_round_to_the_same_channels_are_tried_once(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hand_made, "WIDTHS", (0.5, 0.501, 0.75))
    assert hand_made.different_widths() == [0.501, 0.75]
    signatures = [trace(hand_made.network(work.task, width, 1).eval(), work.task.input_shape).signature
                  for width in hand_made.WIDTHS]
    assert signatures[0] == signatures[1] != signatures[2]
