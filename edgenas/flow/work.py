"""Work on a run: its data, space, strategy, targets, models and budgets, which its phases share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from lightning_fabric import Fabric
from torch import nn

from edgenas.cost.budget import Budget, place_of, resolve
from edgenas.cost.heldout import HeldOut
from edgenas.cost.metrics import bare
from edgenas.cost.model import CostModel
from edgenas.data import Task, load
from edgenas.errors import BudgetError, RunError
from edgenas.figure import Provenance
from edgenas.flow.configure import configure
from edgenas.flow.inheritance import inherits, strategy_of
from edgenas.flow.own_network import Own, stated, with_own_hint
from edgenas.flow.product import Product
from edgenas.flow.requests import RunRequest
from edgenas.flow.run import Run
from edgenas.flow.target import Target, places_of
from edgenas.search.strategy import Strategy
from edgenas.space import Architecture, Space, load_space
from edgenas.space.elastic import space_of
from edgenas.space.narrowing import narrowed
from edgenas.space.precision import in_precision
from edgenas.train.fabric import new_fabric
from edgenas.train.weights import load_weights


class Work:
    """What follows from a run's configuration, each made when it is first needed, and once.

    What imports code that the configuration names raises TrustError, unless the run is trusted. task: the data, where
    the command has loaded it already.
    """

    def __init__(self, run: Run, task: Task | None = None) -> None:
        self.run = run
        self._loaded = task

    @classmethod
    def begin(cls, folder: Path, request: RunRequest, command: Sequence[str] = (), *, resume: bool) -> Work:
        """On what a user asks for, in `folder`. Errors as of `configure` and `Run.create`."""
        config, task = configure(request, command)
        return cls(Run.create(folder, config, resume=resume), task)

    @cached_property
    def task(self) -> Task:
        """Raises: RunError when the data is another than when the run began."""
        c = self.run.config
        self.run.check_trust()
        task = self._loaded or load(c.data, image_size=c.image_size, seed=c.seed, on_bad_image=c.on_bad_image,
                                    max_images=c.max_images)
        if task.fingerprint != c.data_fingerprint:
            raise RunError(f"the data {c.data} changed since the run in {self.run.folder} began",
                           "restore the data, or start a new run")
        return replace(task, mean=c.mean or task.mean, std=c.std or task.std)

    @cached_property
    def own(self) -> Own:
        """The user's own network, where the run makes one to fit."""
        return Own(self.run, self.task)

    @cached_property
    def space(self) -> Space:
        c = self.run.config
        self.run.check_trust()
        shape, classes = self.task.input_shape, len(self.task.classes)
        space = (space_of(self.own.elastic, c.space, shape, classes) if c.origin
                 else load_space(c.space, shape, classes, c.space_options, c.build_options))
        return narrowed(in_precision(space, c.precision), c.unsupported)

    @cached_property
    def strategy(self) -> Strategy:
        return strategy_of(self.run)

    @cached_property
    def fabric(self) -> Fabric:
        return new_fabric(self.run.config.accelerator, self.run.config.training_precision)

    @cached_property
    def target(self) -> Target:
        """The run's own."""
        self.run.check_trust()
        return Target.at(self.run.config)

    @cached_property
    def further(self) -> Mapping[str, Target]:
        """That of each further device that a budget names."""
        self.run.check_trust()
        return {place: Target.at(self.run.config, place) for place in places_of(self.run.config.budgets)}

    @property
    def targets(self) -> Mapping[str, Target]:
        """All, by the place that budgets name: the run's own has no name."""
        return {"": self.target, **self.further}

    def word(self, metric: str) -> Provenance:
        """How an exported network's cost is known; "counted" if in the file or its operators, without a device."""
        return self.targets[place_of(metric)].word(bare(metric))

    @cached_property
    def _latencies(self) -> dict[str, tuple[CostModel, HeldOut | None]]:
        return {}

    def latency(self, place: str = "") -> tuple[CostModel, HeldOut | None]:
        """The model of a target's latency, and its held-out error, None where no whole network is known."""
        if place not in self._latencies:
            self._latencies[place] = self.targets[place].latency_model(self.space)
        return self._latencies[place]

    @cached_property
    def models(self) -> dict[str, CostModel]:
        """A cost model for each metric that has a budget."""
        return {request.metric: self._model(place_of(request.metric), bare(request.metric))
                for request in self.run.config.budgets}

    def _model(self, place: str, metric: str) -> CostModel:
        if metric == "latency_ms":
            return self.latency(place)[0]
        return self.targets[place].figure_model(self.space, metric)

    @cached_property
    def budgets(self) -> Sequence[Budget]:
        """In figures. Raises: BudgetError for one that is out of reach."""
        if not self.run.config.origin:
            return resolve(self.run.config.budgets, self.models)
        try:
            return resolve(stated(self.run), self.models)
        except BudgetError as error:
            raise with_own_hint(error) from error

    @property
    def architecture(self) -> Architecture:
        """Raises: RunError when the search is not done, or the file is of another space."""
        architecture = self.run.architecture
        self.space.check(architecture)
        return architecture

    @property
    def inherits(self) -> bool:
        """Whether the found network's training starts from the supernet's weights."""
        return inherits(self.run)

    def network(self) -> nn.Module:
        """The trained network, on the CPU, in evaluation mode.

        Raises: RunError when it is not trained yet.
        """
        network = self.space.build(self.architecture)
        load_weights(self.run.weights(), network, f"edgenas train {self.run.folder}")
        return network.eval()

    def product(self) -> Product:
        """The trained network with what exporting it takes; errors as of `network`."""
        return Product(self.run, self.task, self.target, self.network(), self.architecture, self.run.weights())
