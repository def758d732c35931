"""The user's own network that a run makes to fit: as it is given, with a new head, taught; and what can vary of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch
from torch import nn

from edgenas.cost.budget import Request
from edgenas.data import Task
from edgenas.errors import BudgetError, CheckpointError, RunError, UsageError
from edgenas.flow.foreign_network import build, check_fits, fingerprint
from edgenas.flow.records import Uncut
from edgenas.flow.requests import OwnRequest, RunRequest
from edgenas.flow.run import Run
from edgenas.space.elastic import Elastic
from edgenas.space.traced.apart import take_apart
from edgenas.space.traced.head import with_new_head
from edgenas.space.traced.importance import Importance, ranked
from edgenas.space.traced.trace import BATCH, trace_network
from edgenas.train.checkpoint import epoch_generator
from edgenas.train.weights import load_weights, read_tensors

UNCUT = "uncut"
IMPORTANCE = "importance"
FINE_TUNING = {"optimizer": "adamw", "lr": 1e-3, "weight_decay": 0.02, "warmup": 0.1, "epochs": 12}
"""How a network with trained weights is trained on, unless the user says otherwise."""
TEACH_EPOCHS = 12  # of a network with a new head
HINT = "raise the budget; edgenas spaces show --from says what can vary"
ANEW = "start the run anew in another folder"


@dataclass
class Own:
    """Of one run. What it computes is kept in the run's folder: uncut.safetensors, importance.safetensors, own.json."""

    run: Run
    task: Task

    @cached_property
    def network(self) -> nn.Module:
        """The uncut network: with its new head, and as it was taught, if it was. On the CPU, in evaluation mode.

        Raises: RunError when it is another than the run began with.
        """
        run, c = self.run, self.run.config
        assert c.origin is not None
        run.check_trust()
        kept = run.weights(UNCUT).exists()
        given = build(c.origin, Path(c.weights) if c.weights and not kept else None, c.image_size)
        if not kept and fingerprint(given) != c.network_sha256:
            raise RunError(f"{c.origin} builds another network than when the run in {run.folder} began",
                           "restore its code and weights, or start a new run")
        network = headed(given, self.task, c.origin, new_head=c.new_head)[0]
        if kept:
            load_weights(run.weights(UNCUT), network, ANEW)
        return network.eval()

    @cached_property
    def elastic(self) -> Elastic:
        """What can vary of it, the most important channels first.

        Raises: CheckpointError when what is known of their importance is of another network.
        """
        found = apart(self.network, self.task, self.run.config.space, self.run.config.keep)
        path = self.run.weights(IMPORTANCE)
        if not path.exists():
            return found
        try:
            return ranked(found, Importance.of_tensors(read_tensors(path, ANEW)))
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


def apart(network: nn.Module, task: Task, name: str, keep: Sequence[str] = ()) -> Elastic:
    """What can vary of a network that takes the task's images, but for the modules that the user keeps."""
    return take_apart(network, task.normalise(task.train.images[:BATCH]), name, keep)


def stated(run: Run) -> tuple[Request, ...]:
    """The run's budgets, shares of what was measured of the uncut network as figures."""
    record = Uncut.read(run.folder)
    before = record.before if record else {}
    return tuple(replace(r, value=r.value * before[r.metric], is_share=False)
                 if r.is_share and r.metric in before else r for r in run.config.budgets)


def with_own_hint(error: BudgetError) -> BudgetError:
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
