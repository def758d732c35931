"""A run on a further device that one of its budgets names: the same networks, other costs."""

from __future__ import annotations

from edgenas.cost.budget import place_of, split_place
from edgenas.data import Task
from edgenas.flow.config import RunConfig
from edgenas.flow.configure import located
from edgenas.flow.run import Run
from edgenas.space import Space


class Elsewhere(Run):
    """Its device, runtime, profile and cost models are of `place`, its budgets those there, without the place's name.
    All else is the run's."""

    def __init__(self, run: Run, place: str) -> None:
        super().__init__(run.folder, configured(run.config, place), run.trusted)
        self.run = run

    @property
    def task(self) -> Task:
        return self.run.task

    @property
    def space(self) -> Space:
        return self.run.space


def configured(config: RunConfig, place: str) -> RunConfig:
    device, runtime, precision = located(place, config.precision)
    own = tuple(request.here for request in config.budgets if place_of(request.metric) == place)
    return config.model_copy(update={"device": split_place(place)[0], "runtime": runtime, "precision": precision,
                                     "threads": device.threads, "budgets": own})
