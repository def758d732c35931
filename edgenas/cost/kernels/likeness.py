"""Operators and whole networks drawn around those of one network, so that it and its like are predicted well."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.random import Generator

from edgenas.cost.kernels.draws import DRAWS
from edgenas.cost.kernels.mixes import MOST_VALUES, OF_MAPS, Step, chain, moved
from edgenas.cost.kernels.sampling import ALIKE, BORROWED, CONV, CONVOLUTIONS, Kernel, drawn, family, sources_of
from edgenas.cost.kernels.sizes import Sizes
from edgenas.cost.network import Network

FEWEST_EACH = 8
"""Kernels of each family of a network, at least."""
LARGER = 4.0
"""Times the largest operator of the network that a kernel may do."""
SKIPPED, REPEATED = 0.15, 0.1
"""Shares of a network's operators that a network like it lacks, or has twice."""
TRIES = 15
NEAR = 3.0
"""Times more or less work than the network does, at most."""


def steps_of(network: Network) -> list[Step]:
    """Of each operator that DRAWS knows, its family and sizes."""
    names = [_known(family(operator)) for operator in network.operators]
    return [(name, centre(network, index)) for index, name in enumerate(names) if name in DRAWS]


def centre(network: Network, index: int) -> dict[str, int]:
    """Sizes of an operator by the names that `draws` asks for."""
    operator, sources = network.operators[index], sources_of(network, index)
    shape = operator.shape or (1,)
    read = math.prod(sources[0]) if sources else operator.elements
    match = CONV.match(operator.detail) if operator.kind in CONVOLUTIONS else None
    if match:
        sizes = {"inputs": int(match[1]), "outputs": int(match[2]), "kernel": int(match[3]), "stride": int(match[5]),
                 "groups": int(match[6]), "rows": read // int(match[1])}
        return sizes | {"side": max(1, round(math.sqrt(sizes["rows"])))}
    if operator.kind == "linear":
        inputs = operator.macs // max(1, operator.elements)
        return {"inputs": inputs, "outputs": shape[-1], "rows": operator.elements // shape[-1]}
    if family(operator) == "matmul":
        rows = shape[-2] if len(shape) > 1 else 1
        return {"heads": math.prod(shape[:-2]), "rows": max(1, round(math.sqrt(rows * shape[-1]))),
                "inner": operator.macs // max(1, operator.elements)}
    if family(operator) == "softmax":
        heads = math.prod(shape[:-2])
        return {"heads": heads, "rows": operator.elements // heads // shape[-1], "length": shape[-1]}
    if len(shape) == 3 and family(operator) not in ("layernorm", "transpose"):
        first = sources[0][0] if sources and len(sources[0]) == 3 else shape[0]
        return {"inputs": first, "side": max(1, round(math.sqrt(read / first)))}
    return {"inputs": shape[-1], "rows": max(1, operator.elements // shape[-1]),
            "side": max(1, round(math.sqrt(operator.elements / shape[-1])))}


def kernels_like(network: Network, count: int, seed: int = 0) -> Iterator[Kernel]:
    """`count` kernels or more: of each family of the network FEWEST_EACH, of others as many as they have operators."""
    generator = np.random.default_rng([seed, 2])
    by_family: dict[str, list[Step]] = {}
    for step in steps_of(network):
        by_family.setdefault(step[0], []).append(step)
    steps = sum(map(len, by_family.values()))
    most = LARGER * max((operator.macs / 1e8 for operator in network.operators), default=0.0) + 1.0
    seen: set[str] = set()
    for name, members in by_family.items():
        wanted = max(FEWEST_EACH, round(count * len(members) / steps))
        kernels = (drawn(name, Sizes(generator, members[turn % len(members)][1]), most)
                   for turn in range(TRIES * wanted))
        for kernel in kernels:
            if wanted and kernel is not None and kernel.network.signature not in seen:
                seen.add(kernel.network.signature)
                wanted -= 1
                yield kernel


def networks_like(network: Network, count: int, seed: int = 0) -> list[Kernel]:
    """`count` networks at most of operators like this one's in about their order, from less work than it does to more.

    None of them does NEAR times more or less.
    """
    generator = np.random.default_rng([seed, 3])
    steps, found = steps_of(network), dict[str, Kernel]()
    most = max(MOST_VALUES, 4 * max((op.elements for op in network.operators), default=0))
    for _ in range(TRIES * count):
        kernel = chain(_varied(steps, generator), _shape_like(network, steps[0], generator), generator, most)
        if kernel is not None and all(1 / NEAR <= part <= NEAR for part in _against(kernel.network, network)):
            found[kernel.network.signature] = kernel
    ordered = sorted(found.values(), key=lambda kernel: sum(map(math.log, _against(kernel.network, network))))
    return [ordered[i] for i in sorted({round(i) for i in np.linspace(0, len(ordered) - 1, count)})] if ordered else []


def _against(one: Network, other: Network) -> tuple[float, float]:
    """How many times as much work one does, and moves."""
    return (one.macs + 1) / (other.macs + 1), (moved(one) + 1) / (moved(other) + 1)


def _varied(steps: Sequence[Step], generator: Generator) -> list[Step]:
    varied: list[Step] = []
    for step in steps:
        chance = generator.random()
        varied += [step] * (0 if chance < SKIPPED else 2 if chance > 1 - REPEATED else 1)
    return varied or list(steps)


def _shape_like(network: Network, step: Step, generator: Generator) -> tuple[int, ...]:
    """What the first step takes, a third larger or smaller at most: several maps as one of so many positions."""
    factor, (name, sizes) = math.exp(generator.uniform(-0.3, 0.3)), step
    if name in OF_MAPS and "side" in sizes:
        side = max(1, round(sizes["side"] * factor))
        return sizes["inputs"], side, side
    if name == "conv1d":
        return sizes["inputs"], max(1, round(sizes["rows"] * factor))
    if name in ("linear of rows", "layernorm"):
        return max(1, round(sizes["rows"] * factor)), sizes["inputs"]
    first, *rest = network.input_shape or (1,)
    return first, *(max(1, round(size * factor)) for size in rest)


def _known(name: str) -> str:
    return name if name in DRAWS else BORROWED.get(ALIKE.get(name, name), name)
