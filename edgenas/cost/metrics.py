"""What a network can cost, and how the costs of its parts combine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from edgenas.errors import unknown

if TYPE_CHECKING:
    from edgenas.cost.network import Network, Operator

Combine = Literal["sum", "max"]


@dataclass(frozen=True)
class Storage:
    """Bytes of an activation or a weight, and in a file also of an operator and of each channel that it writes."""

    value: int
    operator: int
    channel: int


STORAGE = {
    "fp32": Storage(value=4, operator=250, channel=0),  # an ONNX node, its initialisers' headers and its value names
    "fp16": Storage(value=2, operator=250, channel=0),
    "bf16": Storage(value=2, operator=250, channel=0),
    "fp64": Storage(value=8, operator=250, channel=0),
    "int8": Storage(value=1, operator=400, channel=30),  # a TFLite file's scales and 4-byte biases
}


def _storage(op: Operator | None, precision: str) -> Storage:
    """Of an operator, or of the image, in a file of that precision; in a mixed one it is the operator's own."""
    if precision == "mixed":
        return STORAGE["int8" if op is not None and op.int8 else "fp32"]
    return STORAGE[precision]


def _peak_memory_kib(network: Network, precision: str) -> float:
    return network.peak(lambda op: _storage(op, precision).value) / 1024


def _flash_kib(network: Network, precision: str) -> float:
    kept = [(op, _storage(op, precision)) for op in network.operators]
    return sum(op.params * own.value + own.operator + (op.shape[0] * own.channel if op.params else 0)
               for op, own in kept) / 1024


@dataclass(frozen=True)
class Metric:
    """A cost of one network for one image.

    combine: how parts add up to the network. of: computes it from the operators and the precision (a key of STORAGE, or
    mixed) alone, None where it must be measured on a device. exact: whether `of` is the truth, rather than a
    prediction. Where a runtime tells the metric of a file (Runtime.METRICS), that counts, and `of` is not asked.
    """

    name: str
    meaning: str
    combine: Combine = "sum"
    exact: bool = True
    of: Callable[[Network, str], float] | None = None


METRICS = {
    metric.name: metric
    for metric in (
        Metric("latency_ms", "time for one image on the device, in milliseconds", exact=False),
        Metric("macs", "multiply-accumulates for one image", of=lambda n, _: float(n.macs)),
        Metric("params", "weights and biases after batch-norm folding", of=lambda n, _: float(n.params)),
        Metric("peak_memory_kib", "largest sum of live activations, or a microcontroller's smallest arena, in KiB",
               combine="max", of=_peak_memory_kib),
        Metric("sram_kib", "fast memory that an NPU's compiler takes, in KiB", combine="max", exact=False),
        Metric("flash_kib", "size of the exported file, in KiB", exact=False, of=_flash_kib),
    )
}


def metric_of(name: str) -> Metric:
    """The metric of that name, on whatever device (`latency_ms@pixel1`).

    Raises: UsageError naming the nearest metric.
    """
    if bare(name) not in METRICS:
        raise unknown("metric", bare(name), METRICS)
    return METRICS[bare(name)]


def bare(name: str) -> str:
    """A metric's name without that of a device."""
    return name.partition("@")[0]
