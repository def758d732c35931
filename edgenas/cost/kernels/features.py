"""What a block or network executes, as numbers that a regression can learn latencies from."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from edgenas.cost.network import Network, Operator

Floats = NDArray[np.float64]

KINDS = ("pointwise", "conv3", "conv5", "conv7", "depthwise3", "depthwise5", "depthwise7", "linear", "pool", "other")
"""Kinds of operators that runtimes have kernels of their own for; a kernel's size counts up to the next one."""
SIZES = (3, 5, 7)
CONV = re.compile(r"(\d+)->(\d+) k(\d+)(?:x(\d+))? s(\d+).* g(\d+)")
FUSED = re.compile(r"\b(hardswish|hardsigmoid|sigmoid|silu|gelu)\b")

FEATURES = (*(f"{kind} {what}" for kind in KINDS for what in ("macs", "read", "written", "count")),
            "params", "strided read", "smooth activations", "log macs", "log elements", "log params", "log channels",
            "log side")
"""Counts are of one image: multiply-accumulates, elements that operators read and write, operators, weights."""


def features(network: Network) -> Floats:
    """(len(FEATURES),), all at least 0: the counts add up over operators, the logarithms are of the whole network."""
    known: dict[str, float] = defaultdict(float)
    shapes = {-1: network.input_shape} | {i: op.shape for i, op in enumerate(network.operators)}
    for op in network.operators:
        kind, read = kind_of(op), sum(math.prod(shapes[i]) for i in op.inputs)
        for what, amount in (("macs", op.macs), ("read", read), ("written", op.elements), ("count", 1)):
            known[f"{kind} {what}"] += amount
        known["strided read"] += read if _stride(op) > 1 else 0
        known["smooth activations"] += op.elements if FUSED.search(f"{op.kind} {op.detail}") else 0
        known["log elements"] += read + op.elements
    known |= {"params": network.params, "log macs": network.macs, "log params": network.params,
              "log channels": max(shape[0] if shape else 1 for shape in shapes.values()),
              "log side": max((shape[-1] for shape in shapes.values() if len(shape) == 3), default=1)}
    return np.array([math.log1p(known[name]) if name.startswith("log ") else known[name] for name in FEATURES])


def table(networks: Iterable[Network]) -> Floats:
    """(n, len(FEATURES))"""
    return np.array([features(network) for network in networks]).reshape(-1, len(FEATURES))


def kinds_of(network: Network) -> frozenset[str]:
    """The kinds of operators in a network."""
    return frozenset(kind_of(op) for op in network.operators)


def kind_of(op: Operator) -> str:
    """One of KINDS."""
    conv = CONV.match(op.detail) if op.kind == "conv2d" else None
    if conv:
        inputs, groups, kernel = int(conv[1]), int(conv[6]), max(int(conv[3]), int(conv[4] or 0))
        if kernel == 1 and groups == 1:
            return "pointwise"
        size = next((s for s in SIZES if kernel <= s), SIZES[-1])
        return f"{'depthwise' if groups == inputs > 1 else 'conv'}{size}"
    if op.kind == "linear":
        return "linear"
    return "pool" if "pool" in op.kind or op.kind == "mean" else "other"


def _stride(op: Operator) -> int:
    conv = CONV.match(op.detail) if op.kind == "conv2d" else None
    return int(conv[5]) if conv else 1
