"""A run: its folder, its configuration, and what follows from it, made when it is first needed."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning_fabric import Fabric
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from edgenas.cost.budget import Budget, place_of, resolve
from edgenas.cost.figures import figure_model
from edgenas.cost.heldout import HeldOut
from edgenas.cost.latency import latency_model
from edgenas.cost.metrics import bare
from edgenas.cost.model import CostModel, exact_model
from edgenas.cost.profile import Profile, profile_path
from edgenas.cost.profiling import open_profile
from edgenas.cost.reference import load_published, sum_model
from edgenas.data import Task, load
from edgenas.errors import BudgetError, CheckpointError, EdgenasError, RunError
from edgenas.figure import COUNTED, PREDICTED, PUBLISHED, Provenance
from edgenas.files import open_bounded, replacing, write_json
from edgenas.flow import trust
from edgenas.flow.config import RunConfig
from edgenas.measure.device import Device, load_device
from edgenas.measure.runtime import Told, told_by
from edgenas.search.strategy import Strategy, load_strategy
from edgenas.space import Architecture, Space, load_space
from edgenas.space.elastic import space_of
from edgenas.space.load import grows
from edgenas.space.narrowing import narrowed
from edgenas.space.precision import in_precision
from edgenas.text import one_line
from edgenas.train.checkpoint import LIMIT, refuse_link
from edgenas.train.fabric import new_fabric

if TYPE_CHECKING:
    from edgenas.flow.own_network import Own

UNSTARTED = ("run.json", "data.json")  # what a run has before its search begins


class Run:
    """Paths and objects of one run. Open it with `Run.create` or `Run.open`.

    trusted: whether the user named the code that the configuration names, or vouches for it.
    """

    def __init__(self, folder: Path, config: RunConfig, trusted: bool = True) -> None:
        self.folder = folder
        self.config = config
        self.trusted = trusted

    @classmethod
    def create(cls, folder: Path, config: RunConfig, *, resume: bool) -> Run:
        """Start a run in `folder`, or go on with the same run there.

        Another run that was refused before its search began is replaced.

        Raises: RunError when the folder holds something else, or holds this run and `resume` was not asked for.
        """
        path = folder / "run.json"
        if os.path.lexists(path):
            known = RunConfig.read(path)
            if config.is_same_run(known):
                if not resume:
                    raise RunError(f"{folder} holds this run already",
                                   "add --resume to go on with it, or choose another --out")
                trust.record(folder, known)
                return cls(folder, known)
            if any(entry.name not in UNSTARTED for entry in folder.iterdir()):
                name, (ours, theirs) = next(iter(config.differences(known).items()))
                raise RunError(f"{folder} holds another run: its {name} is {theirs}, not {ours}",
                               "choose another --out, or delete that folder")
        elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise RunError(f"{folder} exists and is no run of edgenas", "choose another --out")
        write_json(path, config.model_dump(mode="json"))
        trust.record(folder, config)
        return cls(folder, config)

    @classmethod
    def open(cls, folder: Path, *, trusted: bool = False) -> Run:
        """The run in `folder`. trusted: the user vouches for the code that it names.

        Raises: RunError when `folder` holds no readable run. What imports that code raises TrustError, unless a command
        on this machine named it or it is `trusted`.
        """
        return cls(folder, RunConfig.read(folder / "run.json"), trusted)

    def check_trust(self) -> None:
        """Raises: TrustError for a configuration that names code which nobody vouched for."""
        if not self.trusted:
            trust.check(self.folder, self.config)

    @property
    def artifacts(self) -> Path:
        return self.folder / "artifacts"

    @cached_property
    def task(self) -> Task:
        c = self.config
        self.check_trust()
        task = load(c.data, image_size=c.image_size, seed=c.seed, on_bad_image=c.on_bad_image,
                    max_images=c.max_images)
        if task.fingerprint != c.data_fingerprint:
            raise RunError(f"the data {c.data} changed since the run in {self.folder} began",
                           "restore the data, or start a new run")
        return replace(task, mean=c.mean or task.mean, std=c.std or task.std)

    @cached_property
    def own(self) -> Own:
        """The user's own network, where the run makes one to fit."""
        from edgenas.flow.own_network import Own

        return Own(self)

    @cached_property
    def space(self) -> Space:
        self.check_trust()
        if self.config.origin:
            own = space_of(self.own.elastic, self.config.space, self.task.input_shape, len(self.task.classes))
            return narrowed(in_precision(own, self.config.precision), self.config.unsupported)
        space = load_space(self.config.space, self.task.input_shape, len(self.task.classes),
                           self.config.space_options, self.config.build_options)
        return narrowed(in_precision(space, self.config.precision), self.config.unsupported)

    @cached_property
    def strategy(self) -> Strategy:
        return load_strategy(self.config.strategy, self.config.strategy_options)

    @property
    def supernet_fits(self) -> bool:
        """Whether the search trains weights that fit the found network, as far as the request alone tells."""
        c = self.config
        if c.build_options and ":" in c.space:
            self.check_trust()
        return (self.strategy.trains_supernet and self.strategy.inherits
                and not grows(c.space, c.space_options, c.build_options))

    @property
    def inherits(self) -> bool:
        """Whether the found network's training starts from the supernet's weights."""
        return self.config.inherit and self.supernet_fits

    @cached_property
    def device(self) -> Device:
        return load_device(self.config.device)

    @cached_property
    def fabric(self) -> Fabric:
        return new_fabric(self.config.accelerator, self.config.training_precision)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Those with a budget on the run's own device."""
        return tuple(r.metric for r in self.config.budgets if not place_of(r.metric))

    @cached_property
    def elsewhere(self) -> dict[str, Run]:
        """The run on each further device that a budget names."""
        from edgenas.flow.elsewhere import Elsewhere

        places = dict.fromkeys(place_of(r.metric) for r in self.config.budgets)
        return {place: Elsewhere(self, place) for place in places if place}

    @cached_property
    def profile(self) -> Profile:
        c = self.config
        self.check_trust()
        folder = Path(c.profiles) if c.profiles else None
        path = profile_path(self.device.name, c.runtime, c.threads, c.precision, folder)
        return load_published(path) or open_profile(self.device, c.runtime, threads=c.threads, folder=folder,
                                                    precision=c.precision)

    @property
    def latency_word(self) -> Provenance:
        """How an exported network's latency is known: measured, estimated, or, from published blocks, predicted."""
        provenance = self.profile.header.provenance
        return PREDICTED if provenance == PUBLISHED else provenance

    def word(self, metric: str) -> Provenance:
        """How an exported network's cost is known; "counted" if in the file or its operators, without a device."""
        if place := place_of(metric):
            return self.elsewhere[place].word(bare(metric))
        if metric == "latency_ms":
            return self.latency_word
        told = self.told(metric)
        return told.word if told else COUNTED

    def told(self, metric: str) -> Told | None:
        """Which figure of the run's runtime is that metric, if one is."""
        return told_by(self.config.runtime, metric)

    @property
    def is_profiled(self) -> bool:
        """Whether a cost model is made from the device's profile."""
        return any(m == "latency_ms" or self.told(m) for m in self.metrics)

    @cached_property
    def is_measurable(self) -> bool:
        """False for a device that is known by published latencies only."""
        return self.device.transport != "none"

    @cached_property
    def latency(self) -> tuple[CostModel, HeldOut | None]:
        """The model and its held-out error, None where no whole network is known."""
        if self.profile.header.provenance == PUBLISHED:
            return sum_model(self.space, self.profile, self.config.statistic), None
        return latency_model(self.space, self.profile, self.config.statistic)

    @cached_property
    def models(self) -> dict[str, CostModel]:
        """A cost model for each metric that has a budget."""
        return {request.metric: self._model(request.metric) for request in self.config.budgets}

    def _model(self, metric: str) -> CostModel:
        if place := place_of(metric):
            return self.elsewhere[place].models[bare(metric)]
        if metric == "latency_ms":
            return self.latency[0]
        if told := self.told(metric):
            return figure_model(self.space, self.profile, metric, told)
        return exact_model(self.space, metric, self.config.precision)

    @cached_property
    def budgets(self) -> Sequence[Budget]:
        if not self.config.origin:
            return resolve(self.config.budgets, self.models)
        from edgenas.flow.own_network import stated, told_own

        try:
            return resolve(stated(self), self.models)
        except BudgetError as error:
            raise told_own(error) from error

    @property
    def architecture(self) -> Architecture:
        """Raises: RunError when the search is not done, or the file is of another space."""
        path = self.folder / "architecture.json"
        if not path.exists():
            raise RunError(f"the search in {self.folder} is not finished: there is no architecture yet",
                           f"run the recorded command again with --resume: {shlex.join(self.config.command)} --resume")
        architecture = Architecture.load(path)
        self.space.check(architecture)
        return architecture

    @property
    def weights_file(self) -> Path | None:
        """Where the trained network's weights are."""
        path = self.folder / "weights.safetensors"
        return path if path.exists() else None

    def network(self) -> nn.Module:
        """The trained network, on the CPU, in evaluation mode.

        Raises: RunError when it is not trained yet.
        """
        network = self.space.build(self.architecture)
        self.load_weights("weights", network, f"edgenas train {self.folder}")
        return network.eval()

    def save_weights(self, name: str, network: nn.Module) -> None:
        weights = {key: value.detach().cpu().contiguous() for key, value in distinct_weights(network).items()}
        with replacing(self.folder / f"{name}.safetensors") as scratch:
            scratch.write_bytes(save(weights))

    def read_tensors(self, name: str, command: str) -> dict[str, Tensor]:
        """Raises: RunError, whose hint is `command`, when the file is missing; CheckpointError when it is damaged."""
        path = self.folder / f"{name}.safetensors"
        if not os.path.lexists(path):
            raise RunError(f"there is no {path.name} in {self.folder} yet", command)
        try:
            refuse_link(path)
            with open_bounded(path, LIMIT):  # a regular file: safetensors' reader waits for a pipe
                return load_file(path)
        except (OSError, ValueError, EdgenasError, SafetensorError) as error:
            raise CheckpointError(f"{path} is damaged: {one_line(str(error), 400)}",
                                  f"delete it, then {command}") from error

    def load_weights(self, name: str, network: nn.Module, command: str) -> None:
        """Raises: RunError, whose hint is `command`, when they are missing; CheckpointError when they are damaged or of
        another network."""
        path, weights = self.folder / f"{name}.safetensors", self.read_tensors(name, command)
        shapes = {key: value.shape for key, value in distinct_weights(network).items()}
        if {key: value.shape for key, value in weights.items()} != shapes:
            raise CheckpointError(f"{path} holds the weights of another network", f"delete it, then {command}")
        network.load_state_dict(weights, strict=False)  # which reaches shared ones by one of their names


def check_holds_only(folder: Path, is_own: Callable[[str], bool], kind: str, option: str) -> None:
    """Raises: RunError for a folder of several runs that is a file, or holds anything but what `is_own` says of names.

    kind: what each of them is. option: of the command line, which asks for such a folder.
    """
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder} is a file", "choose another --out")
    foreign = [path.name for path in sorted(folder.glob("*")) if not is_own(path.name)]
    if foreign:
        what = "a single run" if "run.json" in foreign else f"{foreign[0]!r}, which is no {kind}"
        raise RunError(f"{folder} holds {what}", f"choose another --out for {option}")


def distinct_weights(network: nn.Module) -> dict[str, Tensor]:
    """The weights of a network by name; those that modules share, as a block in two precisions does, once."""
    found: dict[Any, tuple[str, Tensor]] = {}
    for key, value in network.state_dict(keep_vars=True).items():
        found.setdefault(id(value), (key, value))
    return dict(found.values())
