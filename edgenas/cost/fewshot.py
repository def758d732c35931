"""A new device from a few measurements: another device's latencies, bent to fit them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgenas.cost.regression import Regression

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def adapt(source_ms: Floats, features: Floats, probes: Ints, probe_ms: Floats, *, seed: int = 0) -> Floats:
    both = np.column_stack([source_ms, features])
    return Regression.fit(both[probes], probe_ms, seed=seed).predict(both)


def choose_probes(source_ms: Floats, features: Floats, count: int, *, seed: int = 0) -> Ints:
    order = np.argsort(source_ms, kind="stable")
    return np.unique(order[np.linspace(0, len(order) - 1, count).round().astype(int)])
