"""Intervals that hold whatever the distribution of errors: conformal prediction on relative residuals.

Split conformal: Lei et al., "Distribution-Free Predictive Inference for Regression", JASA 2018. The residuals may also
come from networks left out in turn (the jackknife+ and CV+ of Barber et al., Annals of Statistics 2021, differ from
this in that each interval there is built from the models that left one out; here one model stands for them all).
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
    """Where the truth lies around a prediction: value / (1 + below) to value · (1 + above).

    Both are at least 0; 0.1 allows the prediction to be 10% too high, or the truth to be 10% above it.
    """

    below: float
    above: float

    def of(self, value: float) -> tuple[float, float]:
        return value / (1 + self.below), value * (1 + self.above)


def conformal(predicted: Floats, measured: Floats, coverage: float = 0.9) -> Interval:
    """The interval that holds a new network's measurement with probability of at least `coverage`.

    predicted, measured: (n,), all > 0, of networks that the model was not fitted on and that are exchangeable with
    the new one. An error's size is max(predicted / measured, measured / predicted) - 1, and the interval allows the
    ⌈(n + 1) · coverage⌉-th smallest one on either side.

    Raises: UsageError where n is too small for the coverage.
    """
    ratio = np.maximum(measured / predicted, predicted / measured)
    if not 0 < coverage < 1:
        raise UsageError(f"coverage is {coverage}; it must be above 0 and below 1")
    rank = math.ceil(round((len(ratio) + 1) * coverage, 9))
    if rank > len(ratio):
        fewest = math.ceil(round(coverage / (1 - coverage), 9))
        raise UsageError(f"{len(ratio)} held-out networks are too few for an interval of coverage {coverage:g}, which "
                         f"takes at least {fewest}", "measure more networks, or ask for less coverage")
    width = float(np.sort(ratio)[rank - 1] - 1)
    return Interval(below=width, above=width)
