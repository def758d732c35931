"""What every exporter takes and does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from edgenas.errors import ExportError, UsageError
from edgenas.export.item import Done, Export, Images
from edgenas.export.tvm.target import check_target

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgenas.export.check.transposes import Transpose
    from edgenas.export.package.about import About
    from edgenas.export.tflite.partitions import Partitions
    from edgenas.export.tvm.tuning import Tuning

__all__ = ["Done", "Export", "Exporter", "Images", "in_batches", "plain_path"]

SCRIPTS = Path(__file__).parent / "package/scripts"


class Exporter(ABC):
    """Writes modules in one format: `format` is its name, `suffix` its files', `extra` what installs it.

    What else a format can do has a default here, and is said in its one file:

    precisions     what a file can compute in, the first one by default
    proof          where nothing here runs the files, the format whose files compute the same; of the same weights,
                   calibration inputs and precision
    runtime        whose devices are the targets, where those are not processors
    beside         suffixes of what is written beside a file, in place of its own
    programs       suffixes, of the files and of what is beside them, of programs that run by themselves
    tunable        whether its files can be tuned: `tuned`
    portable       whether one file is for any machine
    channels_last  whether images and feature maps are (N, H, W, C) in it
    labels         whether a file can say what it is: `label`
    shows_values   whether all values that a file computes can be seen: `values`
    shows_int8     whether that tells which layer is wrong in int8 too
    example_needs  what pip installs for `example`
    """

    format: ClassVar[str]
    suffix: ClassVar[str]
    extra: ClassVar[str]
    precisions: ClassVar[tuple[str, ...]] = ("fp32",)
    proof: ClassVar[str] = ""
    runtime: ClassVar[str] = ""
    beside: ClassVar[tuple[str, ...]] = ()
    programs: ClassVar[tuple[str, ...]] = ()
    tunable: ClassVar[bool] = False
    portable: ClassVar[bool] = False
    channels_last: ClassVar[bool] = False
    labels: ClassVar[bool] = False
    shows_values: ClassVar[bool] = False
    shows_int8: ClassVar[bool] = False
    example_needs: ClassVar[str] = ""

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

    def label(self, path: Path, about: About) -> None:
        """Write into the file what it is; one that cannot hold it stays as it is."""
        return None

    def transposes(self, path: Path) -> list[Transpose] | None:
        """The operators of a file that only reorder axes; None for a format that is not looked into."""
        return None

    def partitions(self, path: Path) -> Partitions | None:
        """Into how many parts the runtime's fast kernels divide a file; None where that is no question."""
        return None

    def values(self, path: Path, image: NDArray[Any]) -> Sequence[NDArray[Any]]:
        """Every real value that a file computes for an image (1, C, H, W), in the file's order, in any layout.

        Raises: UsageError unless the format shows them.
        """
        raise UsageError(f"the format {self.format!r} does not show what it computes inside",
                         "compare the outputs alone, or export another format")

    def example(self) -> Path | None:
        """A script that classifies one image with a file, without edgenas and PyTorch: `python SCRIPT FOLDER IMAGE`."""
        own = SCRIPTS / f"run_{self.format}.py"
        return own if own.is_file() else None

    def check_precision(self, precision: str) -> None:
        """Raises: UsageError naming the precisions of the format unless `precision` is one of them."""
        if precision not in self.precisions:
            raise UsageError(f"the format {self.format!r} has no precision {precision!r}",
                             f"its precisions: {', '.join(self.precisions)}")


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
