"""What is in a file beside its numerics: what costs time, and what of an int8 file is not int8."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgenas.export.package.manifest import Gates
from edgenas.text import one_line

if TYPE_CHECKING:
    from torch import Tensor, nn

    from edgenas.export.base import Exporter

NAMED = 5


def gates(module: nn.Module, example: Tensor, path: Path, export: Exporter) -> Gates | None:
    """What is in the file; None for formats that are not looked into."""
    from edgenas.export.check.transposes import Wanted, residual, wanted_by
    found = export.transposes(path)
    if found is None:
        return None
    wanted = wanted_by(module, example, channels_last=export.channels_last) if found else Wanted(0, 0)
    parts = export.partitions(path)
    return Gates(transposes=len(found), transposes_wanted=wanted.permutes, layouts_wanted=wanted.layouts,
                 residual=tuple(map(str, residual(found, wanted))),
                 partitions=parts.count if parts else None, left=parts.left if parts else {})


def warnings(found: Gates | None) -> list[str]:
    """What slows a file down without being wrong."""
    if found is None:
        return []
    said = []
    if left := found.residual:
        more = f" and {len(left) - NAMED} more" if len(left) > NAMED else ""
        several = len(left) > 1
        said.append(f"{len(left)} transpose{'s' * several} that the network does not ask for cost{'s' * (not several)} "
                    f"time: {'; '.join(left[:NAMED])}{more}")
    if found.partitions is not None and not found.whole:
        said.append(f"XNNPACK computes it in {found.partitions} parts, not in one; left to slower kernels: "
                    f"{_left(found) or 'nothing'}")
    return said


def described(found: Gates | None) -> str:
    """In a few words; for tables."""
    if found is None:
        return "not looked into"
    asked = found.transposes - len(found.residual)
    own = f"{asked} transposes of its own" if asked else "no transpose"
    own = f"{own} and {len(found.residual)} not asked for" if found.residual else own
    if found.partitions is None:
        return own
    left = _left(found)
    parts = f"{found.partitions} XNNPACK part{'s' if found.partitions != 1 else ''}"
    return f"{own}; {parts}{f', without {left}' if left else ''}"


def _left(found: Gates) -> str:
    return one_line(", ".join(f"{name} ({count})" for name, count in found.left.items()))
