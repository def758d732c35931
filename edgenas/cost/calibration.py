"""From blocks to networks: what blocks cost inside a network, fitted on whole networks that were measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

Floats = NDArray[np.float64]

PRIOR_WEIGHT = 0.02  # how strongly the plain sum of blocks is believed, against one network's relative error
NETWORK_NOISE, BLOCK_DEVIATION = 0.01, 0.06  # typical relative sizes: of a network's error, of what a block deviates
MOST_DEVIATION = 0.5
HUBER = 1.345  # standard deviations from which on an error counts linearly: 95% efficient for normal ones
PASSES = 15


@dataclass(frozen=True)
class Seen:
    """Whole networks that were measured. counts: (n, blocks), how often each has each block. measured_ms: (n,)."""

    counts: Floats
    measured_ms: Floats

    def __len__(self) -> int:
        return len(self.measured_ms)

    def without(self, *left_out: int) -> Seen:
        kept = np.delete(np.arange(len(self)), left_out)
        return Seen(self.counts[kept], self.measured_ms[kept])


@dataclass(frozen=True)
class Fit:
    """network latency = overhead_ms + Σ cost_ms of its blocks. cost_ms: (blocks,)."""

    overhead_ms: float
    cost_ms: Floats

    def predict(self, counts: Floats) -> Floats:
        return np.asarray(self.overhead_ms + counts @ self.cost_ms)


Fitter = Callable[[Seen], Fit]


@dataclass(frozen=True)
class Calibration:
    """network latency = overhead_ms + scale · Σ blocks + per_block_ms · number of blocks."""

    overhead_ms: float
    scale: float
    per_block_ms: float

    def predict(self, sums_ms: Floats, counts: Floats) -> Floats:
        return np.asarray(self.overhead_ms + self.scale * sums_ms + self.per_block_ms * counts)


def calibrated(block_ms: Floats, seen: Seen) -> Fit:
    """Blocks' own latencies, corrected in common by `fit_calibration`, then each by `deviations`.

    block_ms: (blocks,), each measured by itself.
    """
    common = fit_calibration(seen.counts @ block_ms, seen.counts.sum(axis=1), seen.measured_ms, float(block_ms.min()))
    cost_ms = common.scale * block_ms + common.per_block_ms
    return Fit(common.overhead_ms, cost_ms * (1 + deviations(Fit(common.overhead_ms, cost_ms), seen)))


def fit_calibration(sums_ms: Floats, counts: Floats, measured_ms: Floats, least_block_ms: float) -> Calibration:
    """Robust least squares on relative errors, drawn towards the plain sum of blocks (scale 1, no overhead).

    The prior decides what the networks cannot: where none has a block less, the number of blocks explains nothing.
    Fitted are the overhead, what blocks cost beyond the least one, and that one's cost inside a network; none of them
    is below zero, so that no block costs less than nothing. A network that something disturbed counts less (Huber).
    """
    typical, most = measured_ms.mean(), counts.max()
    beyond_least = sums_ms - counts * least_block_ms
    rows = np.stack([np.full_like(sums_ms, typical), beyond_least, counts * typical / most], axis=1)
    rows /= measured_ms[:, None]
    strength = np.sqrt(PRIOR_WEIGHT)
    prior = strength * np.array([0.0, 1.0, least_block_ms * most / typical])

    def solve(root: Floats) -> Floats:
        found, _ = nnls(np.vstack([rows * root[:, None], strength * np.eye(3)]), np.concatenate([root, prior]))
        return np.asarray(found)

    overhead, scale, least = robust(solve, rows, np.ones_like(measured_ms))
    return Calibration(float(overhead * typical), float(scale), float(least * typical / most - scale * least_block_ms))


def deviations(fit: Fit, seen: Seen) -> Floats:
    """(blocks,): how much each block costs beside what `fit` says, relative, as the networks' errors tell.

    Ridge regression: a block was measured in a bad moment, or runs otherwise between its neighbours; a network that
    has no other explanation for its error tells it.
    """
    rows = seen.counts * fit.cost_ms / seen.measured_ms[:, None]
    errors = 1 - fit.predict(seen.counts) / seen.measured_ms
    products, ridge = rows @ rows.T, (NETWORK_NOISE / BLOCK_DEVIATION) ** 2 * np.eye(len(rows))

    def solve(root: Floats) -> Floats:
        return np.asarray(rows.T @ (root * np.linalg.solve(np.outer(root, root) * products + ridge, root * errors)))

    return np.clip(robust(solve, rows, errors), -MOST_DEVIATION, MOST_DEVIATION)


def robust(solve: Callable[[Floats], Floats], rows: Floats, target: Floats) -> Floats:
    """Least squares that outliers do not draw: weights of 1 for usual errors, less for larger ones (Huber, 1964).

    solve: weighted least squares, given the roots of the rows' weights.
    """
    weights = np.ones_like(target)
    for _ in range(PASSES):
        found = solve(np.sqrt(weights))
        errors = np.abs(target - rows @ found)
        usual = max(NETWORK_NOISE / 3, 1.4826 * float(np.median(errors)))
        before, weights = weights, np.minimum(1.0, HUBER * usual / np.maximum(errors, 1e-12))
        if np.abs(weights - before).max() < 0.01:
            break
    return found


def left_out(seen: Seen, fit: Fitter) -> Floats:
    """(n, n): entry (i, j) is what the fit to all networks but i and j predicts for j, in ms."""
    predicted = np.empty((len(seen), len(seen)))
    for i in range(len(seen)):
        for j in range(i, len(seen)):
            found = fit(seen.without(i, j)).predict(seen.counts)
            predicted[i, j], predicted[j, i] = found[j], found[i]
    return predicted
