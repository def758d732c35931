"""What a network can cost, and how the costs of its parts combine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from edgenas.cost.operators import Network
from edgenas.errors import unknown

Combine = Literal["sum", "max"]
BYTES_PER_VALUE = 4  # fp32
BYTES_PER_OPERATOR = 250  # an ONNX node, its initialisers' headers and its value names


@dataclass(frozen=True)
class Metric:
    """A cost of one network for one image.

    combine: how parts add up to the network. of: computes it from the operators alone, None where it must be measured
    on a device. exact: whether `of` is the truth, rather than a prediction.
    """

    name: str
    meaning: str
    combine: Combine = "sum"
    exact: bool = True
    of: Callable[[Network], float] | None = None


METRICS = {
    metric.name: metric
    for metric in (
        Metric("latency_ms", "time for one image on the device, in milliseconds", exact=False),
        Metric("macs", "multiply-accumulates for one image", of=lambda n: float(n.macs)),
        Metric("params", "weights and biases after batch-norm folding", of=lambda n: float(n.params)),
        Metric("peak_memory_kib", "largest sum of live fp32 activations, in KiB", combine="max",
               of=lambda n: n.peak_elements * BYTES_PER_VALUE / 1024),
        Metric("flash_kib", "size of the exported ONNX file, in KiB", exact=False,
               of=lambda n: (n.params * BYTES_PER_VALUE + len(n.operators) * BYTES_PER_OPERATOR) / 1024),
    )
}


def metric_of(name: str) -> Metric:
    """Raises: UsageError naming the nearest metric."""
    if name not in METRICS:
        raise unknown("metric", name, METRICS)
    return METRICS[name]
