"""What is exported: one module, with all that its file needs to be made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

    from edgenas.export.package.preprocessing import Preprocessing

Done = Callable[["Export"], None]


@dataclass(frozen=True)
class Images:
    """What an image's pixels become before they are a network's input, and the names of the classes of its output."""

    preprocessing: Preprocessing
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Export:
    """One module to export.

    module   computes one float32 tensor from one; it is exported in eval mode and left as it was
    example  (1, ...) float32 input, NCHW when 4-D; fixes all shapes
    path     the file to write: the whole file or none
    calibration  (n, ...) float32 inputs as in use, from whose values the ranges of an int8 file are taken
    images   what its input is made of, for formats that prepare it themselves
    """

    module: nn.Module
    example: Tensor
    path: Path
    calibration: Tensor | None = None
    images: Images | None = None
