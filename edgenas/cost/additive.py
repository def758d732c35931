"""A cost that is a sum of parts: no feature makes anything faster, and twice the work takes about twice as long."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

Floats = NDArray[np.float64]

RIDGE = 0.03  # what one unit of a scaled weight costs, in relative errors
TUNING = 1.0  # relative errors beyond this many robust standard deviations count linearly (Huber, 1964)
ROUNDS = 6
FLOOR = 0.1  # of the least latency seen


@dataclass(frozen=True)
class Additive:
    """latency_ms = overhead_ms + features @ weights, all weights >= 0; never below `floor_ms`."""

    weights: Floats
    overhead_ms: float
    floor_ms: float

    @classmethod
    def fit(cls, features: Floats, latency_ms: Floats) -> Additive:
        """Huber's regression on relative errors with a slight ridge. features: (n, d) >= 0; latency_ms: (n,) > 0."""
        largest = np.abs(features).max(axis=0, initial=0.0)
        scale = np.where(largest > 0, largest, np.inf)  # what was never seen weighs nothing
        typical = float(np.exp(np.log(latency_ms).mean()))
        rows = np.column_stack([features / scale, np.ones(len(features))]) * (typical / latency_ms)[:, None]
        ridge = RIDGE * np.eye(rows.shape[1])
        trust = np.ones(len(rows))
        for _ in range(ROUNDS):
            weights, _ = nnls(np.vstack([rows * trust[:, None], ridge]), np.append(trust, np.zeros(len(ridge))))
            error = np.abs(rows @ weights - 1)
            spread = 1.4826 * np.median(error)
            trust = np.sqrt(np.minimum(1.0, TUNING * spread / np.maximum(error, 1e-9))) if spread else trust
        return cls(weights[:-1] * typical / scale, float(weights[-1] * typical), FLOOR * float(latency_ms.min()))

    def predict(self, features: Floats) -> Floats:
        return np.asarray(np.maximum(features @ self.weights + self.overhead_ms, self.floor_ms))
