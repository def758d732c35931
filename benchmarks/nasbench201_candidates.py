"""The networks that a search of nasbench201_case.py would try, ranked in several ways, and what is known of each."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from nasbench201_known import written
from torch import nn

from edgenas.data import Task
from edgenas.files import write_json
from edgenas.search.decode import Constraint, Scores
from edgenas.search.settings import SearchSettings
from edgenas.search.strategy import Strategy
from edgenas.selection.candidates import distinct
from edgenas.selection.learning_speed import halved, trial_loss
from edgenas.selection.ranking import ranked
from edgenas.selection.sampling import sample
from edgenas.selection.scores import Untrained, asking
from edgenas.space import Architecture, Space
from edgenas.train.checkpoint import epoch_generator
from edgenas.train.fabric import new_fabric
from edgenas.train.settings import TrainSettings

WAYS = {"score": 0, "supernet validation": 16, "zero-cost": 64, "zero-cost, trials": 64}  # candidates
VALIDATION_IMAGES = 500


def wanted_by(way: str) -> int:
    """How many networks that hold a budget the one that is taken is chosen from."""
    return SearchSettings().trials if "trials" in way else 1


class Kept:
    """Figures of networks by name, in a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: dict[str, dict[str, float]] = json.loads(path.read_text("utf-8")) if path.exists() else {}

    def get(self, architecture: Architecture, make: Callable[[], dict[str, float]], more: str = "") -> dict[str, float]:
        name = written(architecture) + more
        if name not in self.rows:
            self.rows[name] = make()
            write_json(self.path, self.rows)
        return self.rows[name]


class Candidates:
    """What is known of the networks that a search would try, each asked once. trial_minutes: of the last choice."""

    def __init__(self, supernet: nn.Module, task: Task, space: Space, strategy: Strategy, seed: int,
                 measured: Kept, trials: Kept | None) -> None:
        self.supernet, self.task, self.space, self.strategy, self.seed = supernet, task, space, strategy, seed
        self.measured, self.trials, self.trial_minutes = measured, trials, 0.0
        self.validated: dict[Architecture, float] = {}
        self.untrained = Untrained(space, task, new_fabric("cpu"), seed)

    @property
    def ways(self) -> list[str]:
        """How candidates may be ranked."""
        without = {"supernet validation"} if not self.strategy.trains_supernet else set()
        without |= {"zero-cost, trials"} if self.trials is None else set()
        return [way for way in WAYS if way == "score" or (self.strategy.tries and way not in without)]

    def ranked(self, way: str, scores: Scores, constraints: list[Constraint]) -> list[Architecture]:
        found = sample(scores, constraints, WAYS[way], epoch_generator(self.seed, 0, "candidates"))
        figures = {a: self.validation(a) if way == "supernet validation" else self.zero_cost(a) for a in found}
        return distinct(ranked(figures), figures)

    def validation(self, architecture: Architecture) -> dict[str, float]:
        """What the supernet's weights say."""
        if architecture not in self.validated:
            with asking(self.supernet, self.task, self.strategy, new_fabric("cpu"), VALIDATION_IMAGES) as validation:
                self.validated[architecture] = validation(architecture)
        return {"validation": self.validated[architecture]}

    def zero_cost(self, architecture: Architecture) -> dict[str, float]:
        return self.measured.get(architecture, lambda: self.untrained.figures(architecture))

    def fastest(self, best: Sequence[Architecture]) -> Architecture:
        epochs, self.trial_minutes = TrainSettings().epochs, 0.0
        return halved(best, SearchSettings().first_trial(epochs), epochs, self.losses)

    def losses(self, architectures: list[Architecture], epochs: int) -> dict[Architecture, float]:
        assert self.trials is not None
        rows = {a: self.trials.get(a, lambda a=a: self.trial(a, epochs), f"@{epochs}")  # type: ignore[misc]
                for a in architectures}
        self.trial_minutes += sum(row["minutes"] for row in rows.values())
        return {a: row["loss"] for a, row in rows.items()}

    def trial(self, architecture: Architecture, epochs: int) -> dict[str, float]:
        """From the start: minutes are a little more than those of a trial that goes on."""
        began = time.process_time()
        with tempfile.TemporaryDirectory(prefix="edgenas-") as folder:
            loss = trial_loss(partial(self.space.build, architecture), self.task, TrainSettings(), epochs, self.seed,
                              new_fabric("cpu"), Path(folder) / "trial.pt")
        return {"loss": loss, "minutes": (time.process_time() - began) / 60}
