"""The parts of `published_networks.py`: predicting from some networks, adapting, and picking under a budget."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from nasbench201_cell import Cell, as_executed, as_written, macs
from numpy.typing import NDArray

from edgenas.cost.accuracy import Accuracy, accuracy
from edgenas.cost.conformal import conformal
from edgenas.cost.fewshot import adapt, choose_probes
from edgenas.cost.kernels.regression import best

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FEWEST_FOR_INTERVAL = 9


@dataclass(frozen=True)
class Networks:
    """descriptions: of the same networks, (n, 6) each; `best` finds which of them a device follows."""

    descriptions: tuple[Floats, Floats]
    counts: Floats
    macs: Floats

    @classmethod
    def of(cls, cells: list[Cell]) -> Networks:
        written = as_written(cells)
        return cls((written, as_executed(cells)), written[:, :4], macs(cells))


@dataclass(frozen=True)
class Predicted:
    """(n,) in ms for all networks; the ends of the 90% interval where the fit saw enough for one."""

    latency_ms: Floats
    low_ms: Floats | None = None
    high_ms: Floats | None = None

    def accuracy(self, measured_ms: Floats, tested: Ints) -> Accuracy:
        ends = () if self.low_ms is None or self.high_ms is None else (self.low_ms[tested], self.high_ms[tested])
        return accuracy(self.latency_ms[tested], measured_ms[tested], *ends)


def kernel(networks: Networks, measured_ms: Floats, seen: Ints, seed: int) -> Predicted:
    """The kernel regression with its interval, fitted on the networks `seen`."""
    chosen, model = best([d[seen] for d in networks.descriptions], measured_ms[seen], seed=seed)
    predicted = model.predict(networks.descriptions[chosen])
    if len(seen) < FEWEST_FOR_INTERVAL:
        return Predicted(predicted)
    interval = conformal(model.held_out_ms, measured_ms[seen])
    return Predicted(predicted, predicted / (1 + interval.below), predicted * (1 + interval.above))


def linear(features: Floats, measured_ms: Floats, seen: Ints) -> Predicted:
    """Ordinary least squares, the baseline; never below a tenth of the least latency seen."""
    rows = np.column_stack([features, np.ones(len(features))])
    weights, *_ = np.linalg.lstsq(rows[seen], measured_ms[seen], rcond=None)
    return Predicted(np.maximum(rows @ weights, 0.1 * measured_ms[seen].min()))


def models(networks: Networks, measured_ms: Floats, seen: Ints, seed: int) -> dict[str, Predicted]:
    return {"kernel regression": kernel(networks, measured_ms, seen, seed),
            "linear on operator counts": linear(networks.counts, measured_ms, seen),
            "linear on MACs": linear(networks.macs, measured_ms, seen)}


def transferred(networks: Networks, source_ms: Floats, measured_ms: Floats, count: int,
                seed: int) -> dict[str, Accuracy]:
    """`count` networks measured on the new device: with another device's (predicted) latencies, and without them."""
    chosen = choose_probes(source_ms, networks.descriptions, count, seed=seed)
    drawn = np.random.default_rng(seed).permutation(len(measured_ms))[:count]
    found = {"transfer": (chosen, adapt(source_ms, networks.descriptions, chosen, measured_ms[chosen])),
             "alone, same probes": (chosen, kernel(networks, measured_ms, chosen, seed).latency_ms),
             "alone, random probes": (drawn, kernel(networks, measured_ms, drawn, seed).latency_ms)}
    return {name: Predicted(latency_ms).accuracy(measured_ms, np.setdiff1d(np.arange(len(measured_ms)), probes))
            for name, (probes, latency_ms) in found.items()}


@dataclass(frozen=True)
class Pick:
    """The most accurate network believed to hold a budget. over: measured / budget - 1, above 0 where it was missed.

    regret: accuracy short of the most accurate one that holds the budget, in points; below 0 only where it was missed.
    """

    over: float
    regret: float


def pick(believed_ms: Floats, measured_ms: Floats, accuracy_points: Floats, budget_ms: float) -> Pick | None:
    """None where no network is believed to hold the budget."""
    if not (believed_ms <= budget_ms).any():
        return None
    picked = int(np.where(believed_ms <= budget_ms, accuracy_points, -np.inf).argmax())
    oracle = accuracy_points[measured_ms <= budget_ms].max()
    return Pick(float(measured_ms[picked] / budget_ms - 1), float(oracle - accuracy_points[picked]))
