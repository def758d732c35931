"""The training phase: the derived network, with the supernet's weights, on the task."""

from __future__ import annotations

import copy

import torch
from torch import nn

from edgenas.cost.exact import exact_model
from edgenas.data.task import Task
from edgenas.errors import UserCodeError
from edgenas.flow.own_network import UNCUT
from edgenas.flow.records import Accuracy, Training
from edgenas.flow.work import Work
from edgenas.imports import import_function, users_code
from edgenas.progress import Progress
from edgenas.space import Architecture
from edgenas.train.checkpoint import epoch_generator
from edgenas.train.fabric import accuracy, recalibrate
from edgenas.train.loop import train
from edgenas.train.weights import load_weights, save_weights

HINT = "it is called with the task and returns a trained torch module"


def train_phase(work: Work, progress: Progress) -> None:
    """Train the run's network and keep its weights; does nothing when that is done.

    The test accuracy is computed here, once, of the weights that were best on the validation part.
    """
    run = work.run
    if run.weights().exists():
        return
    task = work.task
    network = initial_network(work, work.architecture)
    teacher = teacher_of(work, run.config.distill) if run.config.distill else None
    validation, history = train(network, task, settings=run.config.train, seed=run.config.seed,
                                checkpoint=run.folder / "train" / "checkpoint.pt", fabric=work.fabric,
                                teacher=teacher, progress=progress)
    test = accuracy(network, task.test, task, work.fabric)
    Training(history=tuple(history), accuracy=Accuracy(validation=validation, test=test)).write(run.folder)
    save_weights(run.weights(), network)


def initial_network(work: Work, architecture: Architecture) -> nn.Module:
    """The network before training: with the supernet's weights where there are some, or those that it keeps of the
    user's own network; else seeded random ones."""
    config = work.run.config
    torch.manual_seed(epoch_generator(config.seed, 0, "network").initial_seed())
    if work.inherits:
        return work.space.take(supernet_of(work), architecture)
    network = work.space.build(architecture)
    if config.origin and not config.inherit:
        for module in network.modules():
            if callable(reset := getattr(module, "reset_parameters", None)):
                reset()
    return network


def supernet_of(work: Work) -> nn.Module:
    stages = work.strategy.stages(work.run.config.search.epochs)
    supernet = work.strategy.staged(work.space, stages - 1, stages).supernet()
    load_weights(work.run.weights("supernet"), supernet, "run the search again in another folder")
    return supernet


def teacher_of(work: Work, source: str) -> nn.Module:
    """The network to distil from.

    source: `supernet` for the space's largest network (by MACs) with the trained supernet's weights, `uncut` for the
    user's own network, or `module:function`, called with the task, returning a trained module that gives logits.

    Raises: TrustError for a run of a stranger's; UserCodeError when the function fails, or returns no module of the
    task's shapes.
    """
    if source == UNCUT:
        return copy.deepcopy(work.own.network)
    if source == "supernet":
        teacher = work.space.take(supernet_of(work), exact_model(work.space, "macs").largest()).to(work.fabric.device)
        recalibrate(teacher, work.task.train, work.task, work.fabric)
        return teacher
    work.run.check_trust()
    build = import_function(source, "--distill")
    with users_code(f"the teacher {source}", HINT):
        return checked(build(work.task), source, work.task)


def checked(teacher: object, source: str, task: Task) -> nn.Module:
    if not isinstance(teacher, nn.Module):
        raise UserCodeError(f"--distill {source} returned {type(teacher).__name__}, not a torch module", HINT)
    with torch.no_grad():
        shape = tuple(teacher.eval()(torch.zeros(1, *task.input_shape)).shape)
    if shape != (1, len(task.classes)):
        raise UserCodeError(f"the teacher {source} gives outputs of shape {shape}, not (1, {len(task.classes)})", HINT)
    return teacher
