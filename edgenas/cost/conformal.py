"""Intervals that hold whatever the distribution of errors: conformal prediction on relative residuals.

Split conformal: Lei et al., "Distribution-Free Predictive Inference for Regression", JASA 2018. Given the predictions
of cross-validation in place of a set held out it is the cross-conformal cousin of CV+ (Barber et al., Annals of
Statistics 2021), where one model stands for those of the folds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgenas.errors import UsageError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """Where the truth lies around a prediction: from value / (1 + below) to value · (1 + above), both ends included.

    Both are at least 0: 0.1 allows the prediction to be 10% above the truth, or the truth 10% above the prediction.
    """

    below: float
    above: float

    def of(self, value: float) -> tuple[float, float]:
        return value / (1 + self.below), value * (1 + self.above)


def conformal(predicted: Floats, measured: Floats, coverage: float = 0.9) -> Interval:
    """The interval that holds a new network's measurement with probability of at least `coverage`.

    predicted, measured: (n,), all > 0, of networks that the model was not fitted on and that are exchangeable with
    the new one. The size of an error is the factor max(predicted / measured, measured / predicted); the interval
    allows the ⌈(n + 1) · coverage⌉-th smallest factor either way.

    Raises: UsageError where n is too small for the coverage.
    """
    if not 0 < coverage < 1:
        raise UsageError(f"coverage is {coverage}; it must be above 0 and below 1")
    factor = np.maximum(measured / predicted, predicted / measured)
    rank = math.ceil(round((len(factor) + 1) * coverage, 9))
    if rank > len(factor):
        fewest = math.ceil(round(coverage / (1 - coverage), 9))
        raise UsageError(f"{len(factor)} held-out measurements are too few for an interval of coverage {coverage:g}; "
                         f"it takes at least {fewest}", "measure more networks")
    width = float(np.sort(factor)[rank - 1]) - 1
    return Interval(below=width, above=width)
