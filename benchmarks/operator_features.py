"""AutoTVM's description of a convolution or dense layer, as features of a latency model."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgenas.errors import DataError

Floats = NDArray[np.float64]

BYTES = {"float32": 4, "float16": 2, "int8": 1, "uint8": 1}


@dataclass(frozen=True)
class Workload:
    """One operator. task: its implementation, such as conv2d_nchw_winograd.mali. Sizes are in elements."""

    task: str
    type: str
    input: tuple[int, ...]
    weight: tuple[int, ...]
    output: tuple[int, ...]
    stride: int
    macs: int

    @classmethod
    def parse(cls, task: str, text: str) -> Workload:
        """Read the arguments of a `dense`, `conv2d_nchw` or `depthwise_conv2d_nchw` task: a JSON list.

        Raises: DataError for anything else.
        """
        try:
            arguments = json.loads(text)
            (_, inputs, kind), (_, weight, _) = arguments[:2]
            if task.startswith("dense"):
                return cls(task, kind, tuple(inputs), tuple(weight), (inputs[0], weight[0]), 1,
                           inputs[0] * math.prod(weight))
            if not task.startswith(("conv2d_nchw", "depthwise_conv2d_nchw")):
                raise ValueError("this task is not known")
            return cls._convolution(task, kind, inputs, weight, arguments)
        except (ValueError, TypeError, IndexError) as error:
            raise DataError(f"{task} {text[:80]}: {error}", "give AutoTVM's arguments of a convolution or dense layer"
                            ) from error

    @classmethod
    def _convolution(cls, task: str, kind: str, inputs: list[int], weight: list[int], arguments: Any) -> Workload:
        (down, right), padding, (dilate_y, dilate_x) = arguments[2:5]
        top, left, bottom, rest = padding if len(padding) == 4 else (*padding, *padding)
        batch, channels, height, width = inputs
        filters, group, kernel_y, kernel_x = weight
        depthwise = task.startswith("depthwise")
        out_channels = filters * group if depthwise else filters
        out_height = (height + top + bottom - dilate_y * (kernel_y - 1) - 1) // down + 1
        out_width = (width + left + rest - dilate_x * (kernel_x - 1) - 1) // right + 1
        output = (batch, out_channels, out_height, out_width)
        macs = math.prod(output) * kernel_y * kernel_x * (1 if depthwise else channels)
        return cls(task, kind, tuple(inputs), tuple(weight), output, down, macs)

    @property
    def layer(self) -> tuple[object, ...]:
        """Equal for the same layer in whatever implementation and type."""
        return (self.task.split(".")[0].split("_")[0], self.input, self.weight, self.output)

    @property
    def bytes(self) -> tuple[int, int, int]:
        """Of input, weights and output."""
        size = BYTES.get(self.type, 4)
        return math.prod(self.input) * size, math.prod(self.weight) * size, math.prod(self.output) * size


def features(workloads: Sequence[Workload]) -> Floats:
    """(n, d) >= 0: MACs of each task and all, bytes moved, sizes, stride, kernel, type; and which task it is."""
    tasks = sorted({w.task for w in workloads})
    rows = []
    for w in workloads:
        chosen = [float(w.task == task) for task in tasks]
        rows.append([float(w.macs), *map(float, w.bytes), float(math.prod(w.output[2:])), float(w.input[1]),
                     float(w.output[1]), float(w.weight[-1] if len(w.weight) == 4 else 1), float(w.stride),
                     float(BYTES.get(w.type, 4)), *chosen, *(w.macs * one for one in chosen)])
    return np.array(rows)
