"""How good predictions are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Accuracy:
    """Predictions against measurements that the model had not seen.

    count: how many. mape, median_ape: mean and median of |predicted - measured| / measured. spearman, kendall (tau-b):
    rank correlations, 0 where all predictions or all measurements are equal, as these rank nothing. within_5,
    within_10, within_20: shares with such a relative error of at most 5%, 10%, 20%. coverage: share of measurements
    inside their intervals, None where there were none.
    """

    count: int
    mape: float
    median_ape: float
    spearman: float
    kendall: float
    within_5: float
    within_10: float
    within_20: float
    coverage: float | None


def accuracy(predicted: Floats, measured: Floats, low: Floats | None = None, high: Floats | None = None) -> Accuracy:
    """predicted, measured, low, high: (n,), n >= 2, all of one unit, measured > 0."""
    from scipy.stats import kendalltau, spearmanr  # which takes long to import, and records alone do not need it

    error = np.abs(predicted - measured) / measured
    constant = np.ptp(predicted) == 0 or np.ptp(measured) == 0
    inside = None if low is None or high is None else float(((low <= measured) & (measured <= high)).mean())
    return Accuracy(
        count=len(measured), mape=float(error.mean()), median_ape=float(np.median(error)),
        spearman=0.0 if constant else float(spearmanr(predicted, measured).statistic),
        kendall=0.0 if constant else float(kendalltau(predicted, measured).statistic),
        within_5=float((error <= 0.05).mean()), within_10=float((error <= 0.1).mean()),
        within_20=float((error <= 0.2).mean()), coverage=inside,
    )
