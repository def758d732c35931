"""The uncut network of the user's: taught, what it would lose learned, and measured before and after."""

from __future__ import annotations

from dataclasses import replace

from safetensors.torch import save
from torch import nn

from edgenas.cost.operators import trace
from edgenas.files import replacing
from edgenas.flow.foreign_network import build
from edgenas.flow.measure import costs_everywhere, exported
from edgenas.flow.own_network import IMPORTANCE, UNCUT, headed
from edgenas.flow.records import Accuracy, Frozen, Uncut
from edgenas.flow.work import Work
from edgenas.progress import Progress
from edgenas.space import Architecture, Space
from edgenas.space.traced.importance import IMAGES, importance_of
from edgenas.train.fabric import accuracy
from edgenas.train.loop import train
from edgenas.train.weights import save_weights

CHANCE = 2.0  # times the share that guessing gets right: a trained network is above that


def prepare_own(work: Work, progress: Progress) -> None:
    """Teach the uncut network, if that was asked for, and learn what it would lose; does nothing when that is done."""
    run = work.run
    if Uncut.read(run.folder) is not None:
        return
    given, c, task = work.own.network, run.config, work.task
    head = headed(build(c.origin or "", None), task, c.origin or "", new_head=True)[1] if c.new_head else ""
    said: dict[str, object] = {"origin": c.origin, "parameters": sum(p.numel() for p in given.parameters())}
    if head:
        progress.say(f"new head: {head} now tells the data's {len(task.classes)} classes apart")
        said["head"] = head
    if c.teach_epochs:
        validation, history = train(given, task, settings=replace(c.train, epochs=c.teach_epochs), seed=c.seed,
                                    checkpoint=run.folder / UNCUT / "checkpoint.pt", fabric=work.fabric,
                                    label="teach the uncut network", progress=progress)
        said["history"] = tuple(history)
    validation = accuracy(given, task.validation, task, work.fabric)
    test = accuracy(given, task.test, task, work.fabric)
    said["accuracy"] = Accuracy(validation=validation, test=test)
    progress.say(f"the uncut network: validation {validation:.1%}")
    if validation < CHANCE / len(task.classes):
        progress.say("that is hardly better than guessing: is the data normalised as the network was trained (--mean, "
                     "--std, --image-size), and are its classes these, or does it need --new-head?")
    given.cpu().eval()
    save_weights(run.weights(UNCUT), given)
    elastic = work.own.elastic
    found = importance_of(elastic, task.normalise(task.train.images[:IMAGES]), c.seed)
    with replacing(run.weights(IMPORTANCE)) as scratch:
        scratch.write_bytes(save(found.tensors()))
    work.own.__dict__.pop("elastic")
    said["rises"] = {name: dict(row) for name, row in work.own.elastic.rises.items()}
    said["fixed"] = [Frozen(layers=f.layers, channels=f.channels, why=f.why) for f in elastic.fixed]
    removable = sum(block.absent is not None for block in elastic.blocks)
    progress.say(f"{len(elastic.blocks)} blocks vary, {removable} of them can go")
    Uncut.from_json(said).write(run.folder)


def measure_before(work: Work, progress: Progress) -> None:
    """Measure the uncut network as what comes out will be; kept in own.json."""
    run, space = work.run, work.space
    record = Uncut.read(run.folder)
    if record is None or record.before:
        return
    network = space.build(whole(space)).eval()
    costs = costs_everywhere(work, {UNCUT: network})[UNCUT]
    record.replaced(before=costs | counted(work, network)).write(run.folder)
    progress.say("the uncut network: " + ", ".join(f"{metric} {work.word(metric)} {cost:.4g}"
                                                   for metric, cost in costs.items()))


def note_after(work: Work, architecture: Architecture) -> None:
    """Keep what can be counted of the found network in own.json."""
    folder = work.run.folder
    record = Uncut.read(folder)
    assert record is not None
    record.replaced(after=counted(work, work.space.build(architecture).eval())).write(folder)


def counted(work: Work, network: nn.Module) -> dict[str, float]:
    """What needs no device: operations, weights, and the size of the exported file."""
    counts = trace(network, work.task.input_shape)
    with exported(work, {UNCUT: network}) as files:
        size = files[UNCUT].stat().st_size
    return {"macs": counts.macs, "params": counts.params, "file_kib": size / 1024}


def whole(space: Space) -> Architecture:
    """The architecture of the uncut network."""
    return Architecture({choice: names[0] for choice, names in space.choices.items()})
