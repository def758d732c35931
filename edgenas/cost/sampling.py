"""Which whole networks of a space are measured to calibrate the sum of their blocks."""

from __future__ import annotations

import torch

from edgenas.cost.model import counted_model
from edgenas.space.architecture import Architecture
from edgenas.space.graph import NONE
from edgenas.space.precision import is_int8, uniform
from edgenas.space.space import Space

SPREAD = 4  # networks from the smallest to the largest, which the fit needs ...
DRAWN = 20  # ... and random ones, whose errors are those of a random network
SEED = 1


def calibration_networks(space: Space) -> list[Architecture]:
    """SPREAD and then DRAWN architectures, all distinct (fewer in a small space); the same ones every time."""
    generator = torch.Generator().manual_seed(SEED)
    chosen = dict.fromkeys(spread(space, SPREAD))
    wanted = min(SPREAD + DRAWN, space.size)
    for _ in range(40 * wanted):
        if len(chosen) < wanted:
            chosen[space.random(generator)] = None
    return list(chosen)


def spread(space: Space, count: int, seed: int = 0) -> list[Architecture]:
    """`count` distinct architectures (fewer in a smaller space) spread evenly over the space's range of MACs."""
    generator = torch.Generator().manual_seed(seed)
    macs = counted_model(space, "macs")
    smallest, largest = macs.smallest(), macs.largest()
    drawn = {smallest: None, largest: None}
    for _ in range(40 * count):
        lean = float(torch.rand((), generator=generator))  # how often this one takes an extreme candidate
        extreme = smallest if torch.rand((), generator=generator) < 0.5 else largest
        random = space.random(generator)
        take = torch.rand(len(random), generator=generator) < lean
        mixed = {c: extreme[c] if t and NONE not in (extreme[c], random[c]) else random[c]
                 for c, t in zip(random, take, strict=True)}  # which leaves a cell's edges as `random` has them
        drawn[Architecture(mixed)] = None
    ordered = sorted(drawn, key=lambda a: (macs.predict(a), a.digest))
    low, high = macs.reachable
    chosen: dict[Architecture, None] = {}
    for step in range(count):
        goal = low + (high - low) * step / max(1, count - 1)
        rest = [a for a in ordered if a not in chosen]
        if rest:
            chosen[min(rest, key=lambda a: abs(macs.predict(a) - goal))] = None
    return whole_in_int8(space, list(chosen))


def whole_in_int8(space: Space, architectures: list[Architecture]) -> list[Architecture]:
    """With every other one, the last among them, in int8 throughout, where the space has the precisions to choose.

    Random networks go from one precision to the other and back all the way; what staying in one saves, these tell.
    """
    if not any(is_int8(name) for names in space.choices.values() for name in names):
        return architectures
    last = len(architectures) - 1
    return [uniform(a, space.choices, int8=(last - i) % 2 == 0) for i, a in enumerate(architectures)]
