"""What a NAS-Bench-201 cell executes, as counts that a latency model can learn from.

Dong and Yang, "NAS-Bench-201" (ICLR 2020): a cell has four nodes and one of five operators on each of its six edges; a
network is fifteen equal cells.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgenas.errors import DataError

Floats = NDArray[np.float64]

NONE, SKIP, POOL = "none", "skip_connect", "avg_pool_3x3"
MACS = {"nor_conv_1x1": 1, "nor_conv_3x3": 9, POOL: 0, SKIP: 0}  # multiply-accumulates by value and channel
OPERATORS = (SKIP, "nor_conv_1x1", "nor_conv_3x3", POOL)
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
LAST = 3
EDGE = re.compile(r"([a-z_0-9]+)~(\d)")


@dataclass(frozen=True)
class Cell:
    """The operators of `EDGES`, in that order."""

    operators: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Cell:
        """Read `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`.

        Raises: DataError for anything else.
        """
        nodes = [EDGE.findall(node) for node in text.split("+")]
        edges = tuple((int(source), target) for target, node in enumerate(nodes, start=1) for _, source in node)
        operators = tuple(name for node in nodes for name, _ in node)
        if edges != EDGES or not set(operators) <= {NONE, *OPERATORS}:
            raise DataError(f"{text!r} is no NAS-Bench-201 cell",
                            "write |op~0|+|op~0|op~1|+|op~0|op~1|op~2|, op being one of "
                            f"{', '.join([NONE, *OPERATORS])}")
        return cls(operators)

    @property
    def dead(self) -> bool:
        """Whether the output does not depend on the input."""
        fed = {0}
        for (source, target), name in zip(EDGES, self.operators, strict=True):
            if source in fed and name != NONE:
                fed.add(target)
        return LAST not in fed

    @property
    def executed(self) -> tuple[bool, ...]:
        """Which edges a runtime executes that removes what nobody uses.

        `none` multiplies by zero. The zeros are folded away, and with them all that only they use; but a convolution
        absorbs the multiplication into its weights and stays.
        """
        kinds, terms = {0: "value"}, {}
        for node in range(1, LAST + 1):
            for edge, name in zip(EDGES, self.operators, strict=True):
                if edge[1] == node:
                    terms[edge] = self._term(edge[0], node, name, kinds)
            summed = [kind for edge, kind in terms.items() if edge[1] == node and kind != "zero"]
            kinds[node] = "zero" if not summed else summed[0] if len(summed) == 1 else "value"
        used = {LAST}
        for edge in reversed(EDGES):
            if edge[1] in used and terms[edge] != "zero":
                used.add(edge[0])
        return tuple(edge[1] in used and terms[edge] != "zero" and name != NONE
                     for edge, name in zip(EDGES, self.operators, strict=True))

    def _term(self, source: int, target: int, name: str, kinds: dict[int, str]) -> str:
        """What an edge adds to its target: "convolution" (fusable, nothing added to it), another "value", or "zero"."""
        if name == NONE:
            unused = all(n == NONE for edge, n in zip(EDGES, self.operators, strict=True) if edge[0] == source)
            return "convolution" if kinds[source] == "convolution" and unused and target == source + 1 else "zero"
        if name == SKIP:
            return kinds[source]
        return "value" if name == POOL else "convolution"


def as_written(cells: Sequence[Cell]) -> Floats:
    """(n, 6): how often each of `OPERATORS` and none occurs, and how many of these kinds occur at all."""
    return _counts(cells, [(True,) * len(EDGES)] * len(cells))


def as_executed(cells: Sequence[Cell]) -> Floats:
    """(n, 6): the same columns, of the edges that `Cell.executed` names; the others count as none."""
    return _counts(cells, [cell.executed for cell in cells])


def macs(cells: Sequence[Cell]) -> Floats:
    """(n, 1): multiply-accumulates, up to a constant factor."""
    return np.array([[float(sum(MACS.get(name, 0) for name in cell.operators))] for cell in cells])


def _counts(cells: Sequence[Cell], kept: Sequence[tuple[bool, ...]]) -> Floats:
    rows = []
    for cell, edges in zip(cells, kept, strict=True):
        names = [name if keep else NONE for name, keep in zip(cell.operators, edges, strict=True)]
        rows.append([float(names.count(name)) for name in (*OPERATORS, NONE)] + [float(len(set(names)))])
    return np.array(rows)
