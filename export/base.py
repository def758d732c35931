"""What every exporter takes and does."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from edgenas.errors import ExportError, UsageError, missing_extra

if TYPE_CHECKING:
    from torch import Tensor, nn

    from edgenas.export.package.manifest import Preprocessing
    from edgenas.export.tvm.tuning import Tuning

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


class Exporter(ABC):
    """Writes modules in one format: `format` is its name, `suffix` its files', `extra` what installs it.

    precisions: what a file can compute in, the first one by default. proof: where nothing here runs the files, the
    format whose files compute the same; of the same weights, calibration inputs and precision. runtime: whose devices
    are the targets, where those are not processors. beside: suffixes of what is written beside a file, in place of its
    own. tunable: whether its files can be tuned.
    """

    format: ClassVar[str]
    suffix: ClassVar[str]
    extra: ClassVar[str]
    precisions: ClassVar[tuple[str, ...]] = ("fp32",)
    proof: ClassVar[str] = ""
    runtime: ClassVar[str] = ""
    beside: ClassVar[tuple[str, ...]] = ()
    tunable: ClassVar[bool] = False

    @abstractmethod
    def export(self, items: Sequence[Export], *, target: str = "host", precision: str = "fp32",
               on_done: Done | None = None) -> None:
        """Write every item's file; `on_done` hears of each one as soon as its file is there.

        precision: `int8` needs calibration inputs in every item.

        Raises: ExportError naming the file and, where one is to blame, the operator or the weight;
        UsageError for an unknown target, a precision that the format lacks or that lacks calibration inputs, an
        extra that is not installed or a folder that cannot be written.
        """

    def check_target(self, target: str) -> None:
        """Raises: UsageError for a target that files are not compiled for."""
        from edgenas.export.tvm.target import check_target
        check_target(target)

    def tuned(self, tuning: Tuning) -> Exporter:
        """One whose files are tuned, for this machine.

        Raises: UsageError unless the format is tunable.
        """
        raise UsageError(f"the format {self.format!r} cannot be tuned", "--tune is for --format tvm")

    def unpack(self, path: Path) -> bytes | None:
        """The file of the format `proof` that a file holds, where it holds one.

        Raises: ExportError for a file that is damaged.
        """
        return None

    def check_precision(self, precision: str) -> None:
        """Raises: UsageError naming the precisions of the format unless `precision` is one of them."""
        if precision not in self.precisions:
            raise UsageError(f"the format {self.format!r} has no precision {precision!r}",
                             f"its precisions: {', '.join(self.precisions)}")


def optional(package: str, extra: str) -> Any:
    """Import a package of one of the extras.

    Raises: UsageError saying which extra to install.
    """
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        root = package.partition(".")[0]
        if (error.name or "").partition(".")[0] != root:
            raise
        raise missing_extra(root, extra) from error


def plain_path(folder: str, position: int, item: Export) -> Path:
    """Where the float32 file of an item may be written, under the item's own name, by which errors call it."""
    own = Path(folder) / str(position)
    own.mkdir()
    return own / item.path.name


def in_batches(items: Sequence[Export], size: int, write: Callable[[Sequence[Export]], None],
               on_done: Done | None = None) -> None:
    """Call `write` on batches of items; one that fails is halved, so that the error names a single item."""
    for start in range(0, len(items), size):
        batch = items[start:start + size]
        try:
            write(batch)
        except ExportError:
            if len(batch) == 1:
                raise
            in_batches(batch, (len(batch) + 1) // 2, write, on_done)
            continue
        if on_done:
            for item in batch:
                on_done(item)
