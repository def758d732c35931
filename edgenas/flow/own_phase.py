"""The uncut network of the user's: taught, what it would lose learned, and measured before and after."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from safetensors.torch import save
from torch import nn

from edgenas.cost.network import trace
from edgenas.files import replacing
from edgenas.flow.foreign_network import build
from edgenas.flow.measure import costs_everywhere, exported
from edgenas.flow.own_network import IMPORTANCE, UNCUT, headed
from edgenas.flow.records import Accuracy, Frozen, StarterOf, Uncut
from edgenas.flow.records.probe import Probe
from edgenas.flow.run import Run
from edgenas.flow.starters import starter_of
from edgenas.flow.teacher import taken_over, teacher_config
from edgenas.flow.work import Work
from edgenas.progress import Progress
from edgenas.space import Architecture, Space
from edgenas.space.traced.importance import IMAGES, importance_of, ranked
from edgenas.space.traced.keeping import in_words
from edgenas.train.fabric import accuracy
from edgenas.train.loop import train
from edgenas.train.weights import save_weights

CHANCE = 2.0  # times the share that guessing gets right: a trained network is above that


def prepare_own(work: Work, progress: Progress) -> None:
    """Teach the uncut network, if that was asked for, and learn what it would lose; does nothing when that is done."""
    run = work.run
    if Uncut.read(run.folder) is not None:
        return
    said = taken_from_teacher(run, progress) if run.config.teacher else taught(work, progress)
    if "rises" not in said:
        said |= scored(work)
    elastic = work.own.elastic
    for sentence in in_words(elastic.untouched):
        progress.say(sentence)
    removable = sum(block.absent is not None for block in elastic.blocks)
    progress.say(f"{len(elastic.blocks)} blocks vary, {removable} of them can go")
    Uncut.from_json(said).write(run.folder)


def taken_from_teacher(run: Run, progress: Progress) -> dict[str, object]:
    """What own.json says of the uncut network that another run taught.

    Raises: UsageError when that run is of another one.
    """
    source = Path(run.config.teacher or "")
    said, validation = taken_over(run, Run(source, teacher_config(source, run.config)))
    progress.say(f"the uncut network, as {source} taught it: validation {validation:.1%}")
    return said


def taught(work: Work, progress: Progress) -> dict[str, object]:
    """Teach the uncut network and keep its weights; what own.json says of it."""
    run, given, c, task = work.run, work.own.network, work.run.config, work.task
    name = c.origin or ""
    head = headed(build(name, None, c.image_size), task, name, new_head=True)[1] if c.new_head else ""
    said: dict[str, object] = {"origin": name, "parameters": sum(p.numel() for p in given.parameters())}
    if starter := starter_of(name):
        said["starter"] = origin = StarterOf.from_json(starter.origin())
        progress.say(f"{name} is of {', '.join(starter.starter.packages)}, licence {origin.licence}; "
                     f"images are {c.image_size}x{c.image_size}")
    if head:
        progress.say(f"new head: {head} now tells the data's {len(task.classes)} classes apart")
        said["head"] = head
    said["probe"] = tried_otherwise(work, given, head, progress)
    if c.teach_epochs:
        _, history = train(given, task, settings=replace(c.train, epochs=c.teach_epochs), seed=c.seed,
                           checkpoint=run.folder / UNCUT / "checkpoint.pt", fabric=work.fabric,
                           label="teach the uncut network", progress=progress)
        said["history"] = tuple(history)
    validation = accuracy(given, task.validation, task, work.fabric)
    said["accuracy"] = Accuracy(validation=validation, test=accuracy(given, task.test, task, work.fabric))
    progress.say(f"the uncut network: validation {validation:.1%}")
    if validation < CHANCE / len(task.classes):
        progress.say("that is hardly better than guessing: is the data normalised as the network was trained (--mean, "
                     "--std, --image-size), and are its classes these, or does it need --new-head?")
    given.cpu().eval()
    save_weights(run.weights(UNCUT), given)
    return said


def tried_otherwise(work: Work, network: nn.Module, head: str, progress: Progress) -> Probe:
    """Whether the network does better with another usual normalisation than with the run's; says so where it does."""
    from edgenas.flow.probe import probed

    found = probed(network.to(work.fabric.device), work.task, head, work.fabric, progress)
    if sentence := found.said():
        progress.say(sentence)
    return found


def scored(work: Work) -> dict[str, object]:
    """Learn what the uncut network would lose, and keep it; what own.json says of it."""
    elastic, task = work.own.elastic, work.task
    found = importance_of(elastic, task.normalise(task.train.images[:IMAGES]), work.run.config.seed)
    with replacing(work.run.weights(IMPORTANCE)) as scratch:
        scratch.write_bytes(save(found.tensors()))
    work.own.elastic = ranked(elastic, found)
    return {"kept": {pattern: tuple(names) for pattern, names in elastic.untouched.items()},
            "rises": {name: dict(row) for name, row in work.own.elastic.rises.items()},
            "fixed": tuple(Frozen(layers=f.layers, channels=f.channels, why=f.why) for f in elastic.fixed)}


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
