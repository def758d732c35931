"""Kernels: single operators, measured so that networks of other operators' shapes can be predicted.

After nn-Meter (Zhang et al., MobiSys 2021), which predicts a network as the sum of the kernels that a runtime executes.
Here a kernel is one operator of operators.py, with what is fused into it.
"""

from __future__ import annotations

import copy
import math
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from edgenas.cost.kernels.draws import DRAWS
from edgenas.cost.kernels.sizes import Sizes, evenly
from edgenas.cost.network import Network, Operator, Shape, trace

CONV = re.compile(r"(\d+)->(\d+) k(\d+)(?:x(\d+))? s(\d+).* g(\d+)")
CONVOLUTIONS = ("conv1d", "conv2d", "convtranspose2d")
CHANNELS = re.compile(r"(\d+)->(\d+)")
WEIGHT = 0.1  # standard deviation of random weights
MOST_MACS = 150_000_000
MOST_VALUES = 2_000_000  # of an operator's input, output or weights
ALIKE = {
    **dict.fromkeys(("relu6", "clip", "leakyrelu", "leaky_relu", "hardsigmoid"), "relu"),
    **dict.fromkeys(("sub", "max", "min", "iadd"), "add"), **dict.fromkeys(("div", "truediv"), "mul"),
    **dict.fromkeys(("tanh", "exp"), "sigmoid"), **dict.fromkeys(("silu", "erf", "quickgelu", "biasgelu"), "gelu"),
    **dict.fromkeys(("getitem", "split", "chunk", "gather"), "slice"), "permute": "transpose",
    **dict.fromkeys(("mean", "reducemean", "reducesum", "reducemax", "globalmaxpool"), "adaptiveavgpool2d")}
"""Kind -> the kind that does as much for each value."""
BORROWED = {
    "linear of rows": "pointwise",
    **dict.fromkeys(("groupnorm", "instancenormalization", "groupnormalization", "batchnorm2d", "lpnormalization"),
                    "layernorm"),
    **dict.fromkeys(("elu", "selu", "celu", "softplus", "mish", "log", "pow", "logsoftmax"), "gelu"),
    **dict.fromkeys(("sqrt", "abs", "neg", "prelu", "softsign", "reciprocal"), "relu"), "where": "add",
    **dict.fromkeys(("einsum", "gemm"), "matmul"), **dict.fromkeys(("depthtospace", "spacetodepth"), "transpose"),
    **dict.fromkeys(("pad", "expand", "tile"), "cat")}
"""Family -> the one that it is predicted from where it was never profiled, without an interval: about the same work."""
ALONG_LAST = ("softmax", "layernorm")
"""Families that go along the last dimension."""


@dataclass(frozen=True)
class Kernel:
    """A module that was drawn, what it takes, and its operators. outline: the module without data."""

    outline: nn.Module
    input_shape: Shape
    network: Network

    @property
    def module(self) -> nn.Module:
        """With random weights, the same ones every time."""
        module, generator = copy.deepcopy(self.outline).to_empty(device="cpu"), torch.Generator().manual_seed(0)
        with torch.no_grad():
            for tensor in (*module.parameters(), *module.buffers()):
                tensor.normal_(0.0, WEIGHT, generator=generator)
        return module.eval()


def family(operator: Operator) -> str:
    """Which operators are predicted from one another: the kind, convolutions by how they group and reach."""
    kind = operator.kind
    if kind in ("upsample", "interpolate"):
        return "resize linear" if "linear" in operator.detail else "resize nearest"
    if kind == "linear" and math.prod(operator.shape[:-1]) > 1:
        return "linear of rows"
    match = CONV.match(operator.detail) if kind == "conv2d" else None
    if match is None:
        return ALIKE.get(kind, kind)
    inputs, groups, area = int(match[1]), int(match[6]), int(match[3]) * int(match[4] or match[3])
    if groups == 1:
        return "pointwise" if area == 1 else "convolution"
    return "depthwise" if groups == inputs else "grouped"


def features(network: Network, index: int) -> list[float]:
    """Of the `index`-th operator: multiply-accumulates, weights, values read and written, positions of the output, and
    the logarithms of these and of channels, kernel and stride.
    """
    operator = network.operators[index]
    sources = sources_of(network, index)
    match = CONV.match(operator.detail) if operator.kind in CONVOLUTIONS else None
    area = int(match[3]) * int(match[4] or 1) if match else 1
    stride = int(match[5]) if match else 1
    channels, outputs = _channels_of(operator, sources)
    positions = operator.elements // max(1, outputs)
    sizes = [operator.macs, operator.params, _read(operator, sources), operator.elements]
    return [*map(float, sizes), *(math.log1p(value) for value in (
        *sizes, positions, channels, outputs, area, stride))]


def sources_of(network: Network, index: int) -> list[Shape]:
    """The shapes of what the `index`-th operator takes."""
    return [network.input_shape if i < 0 else network.operators[i].shape for i in network.operators[index].inputs]


def _read(operator: Operator, sources: list[Shape]) -> int:
    """How many values an operator reads: of what it takes in part, that part; of a sum, both terms."""
    if family(operator) in ("cat", "slice"):
        return operator.elements
    kept = operator.elements if operator.kind == "add" and len(sources) == 1 else 0
    return kept + sum(math.prod(shape) for shape in sources)


def _channels_of(operator: Operator, sources: list[Shape]) -> tuple[int, int]:
    """Of what it reads and of what it writes: the first dimension of maps, the last of rows."""
    match = CHANNELS.match(operator.detail) if operator.kind in (*CONVOLUTIONS, "linear") else None
    last = operator.shape[-1] if operator.shape else 1
    if match:
        return int(match[1]), int(match[2])
    if (name := family(operator)) == "matmul":
        return operator.macs // max(1, operator.elements), last
    if name == "transpose":
        return kept_together(operator), last
    if name in ALONG_LAST:
        return last, last
    return sources[0][0] if sources and sources[0] else 1, operator.shape[0] if operator.shape else 1


def kept_together(operator: Operator) -> int:
    """Of a permutation: how many values that lie beside one another stay so."""
    order = [int(number) for number in re.findall(r"-?\d+", operator.detail)]
    dims = len(operator.shape) + 1
    if operator.kind == "transpose":
        moved = [axis % dims for axis in order]
        order = [axis for axis in range(dims)] if moved else []
        for axis in moved:
            order[axis] = -1
    together = 1
    for place, size in zip(range(len(order) - 1, 0, -1), operator.shape[::-1], strict=False):
        if order[place] != place:
            break
        together *= size
    return together


def sample(count: int, seed: int = 0) -> Iterator[Kernel]:
    """`count` different kernels of all families in DRAWS, of shapes that mobile networks have; the same every time.

    Families take turns by their weight, so that any beginning of the list is a fair mix; each has random numbers of its
    own, so that it draws the same whatever others there are.
    """
    sources = {name: np.random.default_rng([seed, zlib.crc32(name.encode())]) for name in DRAWS}
    starts = {name: float(generator.random()) for name, generator in sources.items()}
    turns = Counter[str]()
    seen: set[str] = set()
    credit = dict.fromkeys(DRAWS, 0.0)
    while len(seen) < count:
        for name, (weight, _) in DRAWS.items():
            credit[name] += weight
        name = max(credit, key=credit.__getitem__)
        turns[name] += 1
        kernel = drawn(name, Sizes(sources[name], places=evenly(turns[name], starts[name])))
        if kernel is None or kernel.network.signature in seen:
            continue
        credit[name] -= sum(weight for weight, _ in DRAWS.values())
        seen.add(kernel.network.signature)
        yield kernel


def drawn(name: str, sizes: Sizes, most: float = 1.0) -> Kernel | None:
    """A kernel of a family; None where it came out as other operators, or too large. most: in MOST_MACS and so on."""
    with torch.device("meta"):
        module, shape = DRAWS[name][1](sizes)
    network = trace(module.eval(), shape)
    if len(network.operators) != 1 or _is_too_large(network, most):
        return None
    return Kernel(module, shape, network)


def _is_too_large(network: Network, most: float) -> bool:
    operator = network.operators[0]
    return (operator.macs > most * MOST_MACS or operator.params > most * MOST_VALUES
            or max(math.prod(network.input_shape), operator.elements) > most * MOST_VALUES)
