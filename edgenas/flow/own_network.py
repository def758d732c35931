"""The user's own network that a run makes to fit: as it is given, with a new head, taught; and what it would lose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import save
from torch import nn

from edgenas.cost.budget import Request
from edgenas.cost.operators import trace
from edgenas.data import Task
from edgenas.errors import BudgetError, CheckpointError, RunError, UsageError
from edgenas.files import replacing
from edgenas.flow.foreign_network import build, check_fits, fingerprint
from edgenas.flow.records import Accuracy, Frozen, Uncut
from edgenas.flow.requests import OwnRequest, RunRequest
from edgenas.progress import Progress
from edgenas.space import Architecture
from edgenas.space.elastic import Elastic
from edgenas.space.traced.apart import take_apart
from edgenas.space.traced.head import with_new_head
from edgenas.space.traced.importance import IMAGES, Importance, importance_of, ranked
from edgenas.space.traced.trace import BATCH, trace_network
from edgenas.train.checkpoint import epoch_generator
from edgenas.train.fabric import accuracy
from edgenas.train.loop import train

if TYPE_CHECKING:
    from edgenas.flow.run import Run

UNCUT = "uncut"
FINE_TUNING = {"optimizer": "adamw", "lr": 1e-3, "weight_decay": 0.02, "warmup": 0.1, "epochs": 12}
"""How a network with trained weights is trained on, unless the user says otherwise."""
TEACH_EPOCHS = 12  # of a network with a new head
HINT = "raise the budget; edgenas spaces show --from says what can vary"
ANEW = "start the run anew in another folder"
CHANCE = 2.0  # times the share that guessing gets right: a trained network is above that


@dataclass
class Own:
    """Of one run. What it computes is kept in the run's folder: uncut.safetensors, importance.safetensors, own.json."""

    run: Run

    @cached_property
    def network(self) -> nn.Module:
        """The uncut network: with its new head, and as it was taught, if it was. On the CPU, in evaluation mode.

        Raises: RunError when it is another than the run began with.
        """
        run, c = self.run, self.run.config
        assert c.origin is not None
        run.check_trust()
        kept = (run.folder / f"{UNCUT}.safetensors").exists()
        given = build(c.origin, Path(c.weights) if c.weights and not kept else None)
        if not kept and fingerprint(given) != c.network_sha256:
            raise RunError(f"{c.origin} builds another network than when the run in {run.folder} began",
                           "restore its code and weights, or start a new run")
        network = headed(given, run.task, c.origin, new_head=c.new_head)[0]
        if kept:
            run.load_weights(UNCUT, network, ANEW)
        return network.eval()

    @cached_property
    def elastic(self) -> Elastic:
        """What can vary of it, the most important channels first.

        Raises: CheckpointError when what is known of their importance is of another network.
        """
        found = apart(self.network, self.run.task, self.run.config.space)
        path = self.run.folder / "importance.safetensors"
        if not path.exists():
            return found
        try:
            return ranked(found, Importance.of_tensors(self.run.read_tensors("importance", ANEW)))
        except (KeyError, ValueError, RuntimeError, IndexError) as error:
            raise CheckpointError(f"{path} is of another network: {type(error).__name__} {error}", ANEW) from error


def headed(given: nn.Module, task: Task, name: str, *, new_head: bool) -> tuple[nn.Module, str]:
    """The network with a classifier of the data's classes, and the path of one that was replaced.

    Raises: UsageError for another number of classes without `new_head`, or one whose head is not found.
    """
    images = task.normalise(task.train.images[:BATCH])
    trace_network(given, images, name)  # the line of a branch on data tells more than what comes of it
    if not new_head:
        check_fits(given, task, name)
        return given, ""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(epoch_generator(task.seed, 0, "head").initial_seed())
        found, path = with_new_head(given, images, len(task.classes), name)
    check_fits(found, task, name)
    return found, path


def apart(network: nn.Module, task: Task, name: str) -> Elastic:
    """What can vary of a network that takes the task's images."""
    return take_apart(network, task.normalise(task.train.images[:BATCH]), name)


def prepare_own(run: Run, progress: Progress) -> None:
    """Teach the uncut network, if that was asked for, and learn what it would lose; does nothing when that is done."""
    if Uncut.read(run.folder) is not None:
        return
    given, c, task = run.own.network, run.config, run.task
    head = headed(build(c.origin or "", None), task, c.origin or "", new_head=True)[1] if c.new_head else ""
    said: dict[str, object] = {"origin": c.origin, "parameters": sum(p.numel() for p in given.parameters())}
    if head:
        progress.say(f"new head: {head} now tells the data's {len(task.classes)} classes apart")
        said["head"] = head
    if c.teach_epochs:
        validation, history = train(given, task, settings=replace(c.train, epochs=c.teach_epochs), seed=c.seed,
                                    checkpoint=run.folder / UNCUT / "checkpoint.pt", fabric=run.fabric,
                                    label="teach the uncut network", progress=progress)
        said["history"] = tuple(history)
    validation = accuracy(given, task.validation, task, run.fabric)
    test = accuracy(given, task.test, task, run.fabric)
    said["accuracy"] = Accuracy(validation=validation, test=test)
    progress.say(f"the uncut network: validation {validation:.1%}")
    if validation < CHANCE / len(task.classes):
        progress.say("that is hardly better than guessing: is the data normalised as the network was trained (--mean, "
                     "--std, --image-size), and are its classes these, or does it need --new-head?")
    given.cpu().eval()
    run.save_weights(UNCUT, given)
    elastic = run.own.elastic
    found = importance_of(elastic, task.normalise(task.train.images[:IMAGES]), c.seed)
    with replacing(run.folder / "importance.safetensors") as scratch:
        scratch.write_bytes(save(found.tensors()))
    run.own.__dict__.pop("elastic")
    said["rises"] = {name: dict(row) for name, row in run.own.elastic.rises.items()}
    said["fixed"] = [Frozen(layers=f.layers, channels=f.channels, why=f.why) for f in elastic.fixed]
    removable = sum(block.absent is not None for block in elastic.blocks)
    progress.say(f"{len(elastic.blocks)} blocks vary, {removable} of them can go")
    Uncut.from_json(said).write(run.folder)


def measure_before(run: Run, progress: Progress) -> None:
    """Measure the uncut network as what comes out will be; kept in own.json."""
    from edgenas.flow.measure import costs_everywhere

    record = Uncut.read(run.folder)
    if record is None or record.before:
        return
    network = run.space.build(whole(run)).eval()
    costs = costs_everywhere(run, {UNCUT: network})[UNCUT]
    record.replaced(before=costs | counted(run, network)).write(run.folder)
    progress.say("the uncut network: " + ", ".join(f"{metric} {run.word(metric)} {cost:.4g}"
                                                   for metric, cost in costs.items()))


def note_after(run: Run, architecture: Architecture) -> None:
    """Keep what can be counted of the found network in own.json."""
    record = Uncut.read(run.folder)
    assert record is not None
    record.replaced(after=counted(run, run.space.build(architecture).eval())).write(run.folder)


def counted(run: Run, network: nn.Module) -> dict[str, float]:
    """What needs no device: operations, weights, and the size of the exported file."""
    from edgenas.flow.measure import exported

    counts = trace(network, run.space.input_shape)
    with exported(run, {UNCUT: network}) as files:
        size = files[UNCUT].stat().st_size
    return {"macs": counts.macs, "params": counts.params, "file_kib": size / 1024}


def whole(run: Run) -> Architecture:
    """The architecture of the uncut network."""
    return Architecture({choice: names[0] for choice, names in run.space.choices.items()})


def stated(run: Run) -> tuple[Request, ...]:
    """The run's budgets, shares of what was measured of the uncut network as figures."""
    record = Uncut.read(run.folder)
    before = record.before if record else {}
    return tuple(replace(r, value=r.value * before[r.metric], is_share=False)
                 if r.is_share and r.metric in before else r for r in run.config.budgets)


def told_own(error: BudgetError) -> BudgetError:
    """The same, with a hint that a network of the user's can follow."""
    return BudgetError(error.message, HINT)


def fine_tuning(chosen: Mapping[str, object]) -> dict[str, object]:
    """Options of training: those for trained weights where the user chose none."""
    return {**FINE_TUNING, **chosen}


def check_own(request: RunRequest) -> None:
    """Raises: UsageError for options that are for a network of the user's, where there is none, or not for one."""
    if request.origin:
        if request.space != "mobile":
            raise UsageError(f"both --space {request.space} and --from {request.origin} are given",
                             "leave one of them out")
        return
    for name in OwnRequest.model_fields:
        if getattr(request, name):
            raise UsageError(f"--{name.replace('_', '-')} is for a network of your own", "--from net.py:build")
