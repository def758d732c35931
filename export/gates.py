"""What a file must be, beside computing what PyTorch computes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgenas.errors import ExportError

from .manifest import Gates

if TYPE_CHECKING:
    from torch import Tensor, nn

LOOKED_AT = ("onnx", "tflite")
NAMED = 5


def gates(module: nn.Module, example: Tensor, path: Path, format: str) -> Gates | None:
    """What is in the file; None for formats that are not looked into.

    Raises: ExportError naming the transposes that `module` does not ask for.
    """
    if format not in LOOKED_AT:
        return None
    from .partitions import partitions
    from .transposes import Wanted, residual, transposes, wanted_by
    found = transposes(path)
    channels_last = format == "tflite"
    wanted = wanted_by(module, example, channels_last=channels_last) if found else Wanted(0, 0)
    if left := residual(found, wanted):
        more = f" and {len(left) - NAMED} more" if len(left) > NAMED else ""
        raise ExportError(
            f"{path.name} holds {len(left)} transpose{'s'[:len(left) > 1]} that the network does not ask for: "
            f"{'; '.join(map(str, left[:NAMED]))}{more}",
            "replace the layer before it, or choose another --format")
    parts = partitions(path) if format == "tflite" else None
    return Gates(transposes=len(found), transposes_wanted=wanted.permutes, layouts_wanted=wanted.layouts,
                 partitions=parts.count if parts else None, left=parts.left if parts else {})


def warning(found: Gates | None) -> str:
    """What slows a file down without being wrong; empty if nothing does."""
    if found is None or found.partitions is None or found.whole:
        return ""
    left = ", ".join(f"{name} ({count})" for name, count in found.left.items())
    return f"XNNPACK computes it in {found.partitions} parts, not in one; left to slower kernels: {left or 'nothing'}"


def described(found: Gates | None) -> str:
    """In a few words; for tables."""
    if found is None:
        return "not looked into"
    own = f"{found.transposes} transposes of its own" if found.transposes else "no transpose"
    if found.partitions is None:
        return own
    left = ", ".join(f"{name} ({count})" for name, count in found.left.items())
    parts = f"{found.partitions} XNNPACK part{'s' if found.partitions != 1 else ''}"
    return f"{own}; {parts}{f', without {left}' if left else ''}"
