"""Whether a trained network likes its inputs: how well it tells the classes apart with other usual normalisations.

Images that are normalised otherwise than the network was trained cost accuracy without any error. By its own head the
figure is its accuracy; where it gets a new one, that of a linear classifier on the frozen features before it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import torch
from lightning_fabric import Fabric
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from edgenas.data import Task
from edgenas.data.statistics import mean_std
from edgenas.data.task import Split
from edgenas.flow.records.probe import Probe, Tried, Values
from edgenas.progress import Progress
from edgenas.train.fabric import accuracy, predict

KNOWN: dict[int, tuple[str, tuple[Values, Values]]] = {
    3: ("ImageNet's", ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))), 1: ("MNIST's", ((0.1307,), (0.3081,)))}
"""By the number of channels."""
FITTED, JUDGED = 400, 400  # images that a linear classifier learns from, and that it is judged by
GIVEN = "as they are now"


def probed(network: nn.Module, task: Task, head: str, fabric: Fabric, progress: Progress) -> Probe:
    """Try the usual normalisations. head: the path of a new one, whose features are judged; empty for the network's
    own."""
    known = {GIVEN: (task.mean, task.std)} | usual(task)
    judged = part(task.validation, JUDGED)
    progress.start("try other normalisations", len(known))
    rows = []
    for name, (mean, std) in known.items():
        so = replace(task, mean=mean, std=std)
        share = by_features(network, so, head, judged, fabric) if head else accuracy(network, judged, so, fabric)
        rows.append(Tried(name=name, mean=mean, std=std, accuracy=share))
        progress.advance(f"{name}: {share:.1%}")
    return Probe(by="features" if head else "head", images=len(judged), rows=tuple(rows))


def usual(task: Task) -> dict[str, tuple[Values, Values]]:
    """The normalisations by which networks are trained, but for the task's own."""
    count = task.input_shape[0]
    found: dict[str, tuple[Values, Values]] = {}
    if count in KNOWN:
        name, pair = KNOWN[count]
        found[name] = pair
    found |= {"from -1 to 1": ((0.5,) * count, (0.5,) * count), "from 0 to 1": ((0.0,) * count, (1.0,) * count),
              "from 0 to 255": ((0.0,) * count, (1 / 255,) * count),
              "the data's own": mean_std(task.train.images)}
    return {name: pair for name, pair in found.items() if not _same(pair, (task.mean, task.std))}


def part(split: Split, count: int) -> Split:
    """Some of its images, evenly taken."""
    index = torch.linspace(0, len(split) - 1, min(count, len(split))).long()
    return Split(split.images[index], split.labels[index])


def by_features(network: nn.Module, task: Task, head: str, judged: Split, fabric: Fabric) -> float:
    """How well a linear classifier tells the classes apart by what goes into the layer at `head`."""
    learned = part(task.train, FITTED)
    seen: list[Tensor] = []
    with _listening(network, head, seen.append):
        predict(network, learned, task, fabric)
        fitted = torch.cat(seen)
        seen.clear()
        predict(network, judged, task, fabric)
    if not fitted.isfinite().all() or len(set(learned.labels.tolist())) < 2:
        return 0.0
    scaler = StandardScaler().fit(fitted.numpy())
    classifier = LogisticRegression(C=0.01, max_iter=1000).fit(scaler.transform(fitted.numpy()), learned.labels.numpy())
    return float(classifier.score(scaler.transform(torch.cat(seen).numpy()), judged.labels.numpy()))


class _listening:
    """Within, `hear` is called with what goes into a layer, of every image one vector."""

    def __init__(self, network: nn.Module, path: str, hear: Callable[[Tensor], None]) -> None:
        self.layer, self.hear = network.get_submodule(path), hear

    def __enter__(self) -> None:
        self.handle = self.layer.register_forward_pre_hook(
            lambda layer, given: self.hear(given[0].detach().float().cpu().flatten(1)))

    def __exit__(self, *error: object) -> None:
        self.handle.remove()


def _same(one: tuple[Values, Values], other: tuple[Values, Values]) -> bool:
    return all(math.isclose(a, b, abs_tol=5e-3, rel_tol=0.02) for x, y in zip(one, other, strict=True)
               for a, b in zip(x, y, strict=True))
