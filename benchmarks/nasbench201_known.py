"""What is published of every NAS-Bench-201 network, and the cost model that fifty of its latencies give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from nasbench201_cell import EDGES, NONE, Cell
from numpy.typing import NDArray
from published import numbers, table

from edgenas.cost.additive import Additive
from edgenas.cost.model import CostModel
from edgenas.space import Architecture, Space

Floats = NDArray[np.float64]

DATASETS = ("cifar10", "cifar100", "imagenet16_120")
SEEN = 50
FOLDS = 5
CHOICES = tuple(f"{source}>{target}" for source, target in EDGES)  # of the space `nasbench201`


@dataclass(frozen=True)
class Known:
    """Of all networks whose output depends on their input. accuracy_percent: dataset -> (n,); latency_ms: by device."""

    index: Mapping[str, int]
    accuracy_percent: Mapping[str, Floats]
    latency_ms: Mapping[str, Floats]

    @classmethod
    def read(cls, accuracy_file: Path, latency_file: Path, devices: Sequence[str]) -> Known:
        accuracy, latency = table(accuracy_file, ["arch", *DATASETS]), table(latency_file, ["arch", *devices])
        if accuracy["arch"] != latency["arch"]:
            raise SystemExit(f"{accuracy_file} and {latency_file} list other networks, or in another order")
        alive = [i for i, arch in enumerate(accuracy["arch"]) if not Cell.parse(arch).dead]
        return cls({accuracy["arch"][i]: row for row, i in enumerate(alive)},
                   {name: numbers(accuracy_file, name, accuracy[name])[alive] for name in DATASETS},
                   {name: numbers(latency_file, name, latency[name])[alive] for name in devices})

    def row(self, architecture: Mapping[str, str]) -> int:
        return self.index[written(architecture)]

    def latency_of(self, device: str, architecture: Mapping[str, str]) -> float:
        return float(self.latency_ms[device][self.row(architecture)])

    def oracle(self, dataset: str, device: str | None, limit_ms: float) -> float:
        """The best accuracy, in percent, of any network that holds the budget."""
        points = self.accuracy_percent[dataset]
        return float(points.max() if device is None else points[self.latency_ms[device] <= limit_ms].max())


def written(architecture: Mapping[str, str]) -> str:
    """The benchmark's name of a network: `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`."""
    nodes = [[f"{architecture[f'{source}>{node}']}~{source}" for source in range(node)] for node in (1, 2, 3)]
    return "+".join("|" + "|".join(edges) + "|" for edges in nodes)


def latency_model(known: Known, device: str, space: Space, seed: int) -> CostModel:
    """Sum of the operators' latencies on `device`, fitted on SEEN random networks.

    The margin is the median error of cross-validated predictions."""
    generator = torch.Generator().manual_seed(seed)
    seen = [space.random(generator) for _ in range(SEEN)]
    names = sorted({name for names in space.choices.values() for name in names} - {NONE})
    counts = np.array([[float(list(a.values()).count(name)) for name in names] for a in seen])
    measured_ms = np.array([known.latency_of(device, a) for a in seen])
    fold, predicted_ms = np.arange(SEEN) % FOLDS, np.empty(SEEN)
    for i in range(FOLDS):
        predicted_ms[fold == i] = Additive.fit(counts[fold != i], measured_ms[fold != i]).predict(counts[fold == i])
    found = Additive.fit(counts, measured_ms)
    cost_ms = dict(zip(names, found.weights.tolist(), strict=True)) | {NONE: 0.0}
    return CostModel("latency_ms", "sum", found.overhead_ms, {choice: dict(cost_ms) for choice in space.choices},
                     margin=float(np.median(np.abs(predicted_ms / measured_ms - 1))), rows=space.rows)


def parsed(architecture: str) -> Architecture:
    return Architecture(dict(zip(CHOICES, Cell.parse(architecture).operators, strict=True)))
