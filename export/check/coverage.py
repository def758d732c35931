"""How much of a file is int8: read from the operators and weights that it holds, not from what was asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from edgenas.errors import ExportError

if TYPE_CHECKING:
    from edgenas.export.item import Export

LEAST = 0.5
"""Share of the multiply-accumulates, and of the weights, from which a file may be called int8."""


NAMED = 3


class Coverage(BaseModel):
    """What of a file is int8: the share of its multiply-accumulates (None if it has none) and of its weights' bytes.

    float32: operators that compute in float32, with how many; those that only move values are left out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    macs: float | None
    weights: float | None
    float32: dict[str, int] = {}

    @property
    def whole(self) -> bool:
        return not self.float32

    @property
    def least(self) -> float:
        return min((share for share in (self.macs, self.weights) if share is not None), default=0.0)

    def __str__(self) -> str:
        """`GRU (1) in float32; 2.0% of the multiply-accumulates and 3.1% of the weights' bytes are int8`."""
        shares = [f"{share:.1%} of {what}" for share, what in (
            (self.macs, "the multiply-accumulates"), (self.weights, "the weights' bytes")) if share is not None]
        left = ", ".join(f"{name} ({count})" for name, count in self.float32.items())
        return f"{f'{left} in float32; ' if left else ''}{' and '.join(shares) or 'nothing'} are int8"


@dataclass(frozen=True)
class Operator:
    """One of a file: whether it computes in int8, its multiply-accumulates, whether it only moves values."""

    name: str
    int8: bool
    macs: int
    moves: bool = False


def covered(operators: Iterable[Operator], weights: Mapping[bool, int]) -> Coverage:
    """weights: bytes of those that are int8 (True) and float32 (False)."""
    known = list(operators)
    macs = {kind: sum(operator.macs for operator in known if operator.int8 == kind) for kind in (True, False)}
    left = Counter(operator.name for operator in known if not operator.int8 and not operator.moves)
    return Coverage(macs=_share(macs), weights=_share(weights), float32=dict(sorted(left.items())))


def _share(parts: Mapping[bool, int]) -> float | None:
    total = parts[True] + parts[False]
    return parts[True] / total if total else None


def check_coverage(item: Export, found: Coverage) -> None:
    """Raises: ExportError, naming the operators in float32 and their layers, for a file that is int8 in name only."""
    if found.least >= LEAST:
        return
    layers = [path for path, part in item.module.named_modules() if type(part).__name__ in found.float32]
    where = f" (layer{'s'[:len(layers) > 1]} {', '.join(layers[:NAMED])})" if layers else ""
    raise ExportError(f"{item.path.name} would be int8 in name only{where}: {found}, and of both at least {LEAST:.0%} "
                      "are wanted", "--precision fp32, or replace what stays in float32")
