"""What becomes of a kernel's latency in a network: what a file of its own pays, and what a network does not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from edgenas.cost.kernels.sampling import family, features
from edgenas.cost.network import Network

Floats = NDArray[np.float64]

PRIOR_WEIGHT = 1.0  # how strongly a kernel's own time is believed to be its time in a network, against one network
LEAST_SHARE = 0.05  # of a kernel's own time that it takes in a network at least
TUNING = 0.1  # relative errors beyond this count linearly
BROUGHT = ("pointwise", "depthwise", "convolution", "grouped")
"""Families that runtimes compute in a layout of their own, into which a lone kernel's input is brought, and back."""
PASSED = ("avgpool2d", "maxpool2d", "adaptiveavgpool2d", "add", "mul", "cat", "relu", "sigmoid", "hardswish",
          "resize nearest", "resize linear")
"""Families that take a value in that layout as it is."""


@dataclass(frozen=True)
class Inside:
    """What becomes of a kernel's latency in a network: scale · (alone − call_ms) − per_value_ms · values kept.

    A kernel in a file of its own pays for the call of the runtime, and for bringing its input and output into the
    layout that it computes in and back (onnxruntime's convolutions do): in a network, values from one such operator to
    another stay in it (`kept`). call_ms is that of the fastest kernel of all, which does next to nothing; a network's
    overhead.
    """

    call_ms: float
    scale: float = 1.0
    per_value_ms: float = 0.0

    @classmethod
    def fit(cls, work_ms: Floats, kept: Floats, measured_ms: Floats, call_ms: float) -> Inside:
        """Robust least squares of logarithms; work_ms: Σ (alone − call_ms) of each network; all (n,)."""
        unit = float(work_ms.sum() / max(1.0, kept.sum()))

        def errors(found: Floats) -> Floats:
            model = cls(call_ms, float(found[0]), float(found[1]) * unit)
            return np.append(np.log(model.network_ms(work_ms, kept) / measured_ms),
                             np.sqrt(PRIOR_WEIGHT * len(work_ms)) * (found[0] - 1))

        scale, per_value = least_squares(errors, [1.0, 0.1], bounds=([0.1, 0.0], [10.0, 1.0]), loss="soft_l1",
                                         f_scale=TUNING).x
        return cls(call_ms, float(scale), float(per_value) * unit)

    def network_ms(self, work_ms: Floats, kept: Floats) -> Floats:
        """Of whole networks: (n,)."""
        inside = self.scale * work_ms - self.per_value_ms * kept
        return np.asarray(self.call_ms + np.maximum(inside, LEAST_SHARE * work_ms))

    def of(self, alone_ms: Floats, kept: Floats) -> Floats:
        """alone_ms, values kept: (n,). Never less than LEAST_SHARE of the kernel's own time."""
        inside = self.scale * (alone_ms - self.call_ms) - self.per_value_ms * kept
        return np.maximum(inside, LEAST_SHARE * alone_ms)


def values_kept(network: Network) -> Floats:
    """How many values each operator takes and gives in its own layout, which it would bring there and back alone."""
    operators, names = network.operators, [family(operator) for operator in network.operators]
    within: list[bool] = []
    for operator, name in zip(operators, names, strict=True):
        passed = name in PASSED and bool(operator.inputs) and all(i >= 0 and within[i] for i in operator.inputs)
        within.append(name in BROUGHT or passed)
    takers: list[list[int]] = [[] for _ in operators]
    for index, operator in enumerate(operators):
        for source in operator.inputs:
            if source >= 0:
                takers[source].append(index)
    kept = np.zeros(len(operators))
    for index, operator in enumerate(operators):
        if names[index] in BROUGHT:
            kept[index] = sum(operators[i].elements for i in operator.inputs if i >= 0 and within[i])
            kept[index] += operator.elements if takers[index] and all(within[i] for i in takers[index]) else 0
    return kept


def values(network: Network) -> Floats:
    """How many values each operator reads and writes."""
    rows = [features(network, index) for index in range(len(network.operators))]
    return np.array([row[2] + row[3] for row in rows])
