"""edgenas export --tune: what is asked for, of which files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgenas.errors import UsageError
from edgenas.export import exporter, formats
from edgenas.export.base import Exporter
from edgenas.files import user_folder
from edgenas.progress import Progress


@dataclass(frozen=True)
class Tune:
    """minutes: of search for each file; folder: where trials are kept, the user's data folder by default."""

    minutes: float
    folder: Path | None = None


def check_tune(tune: Tune | None, wanted: Sequence[str], target: str, precision: str | None) -> None:
    """Raises: UsageError when none of the formats can be tuned, or not for that target and precision."""
    if tune is None:
        return
    from edgenas.export.tvm.tuning import check_tunable
    if not any(exporter(format).tunable for format in wanted):
        can = " or ".join(f"--format {name}" for name in formats() if exporter(name).tunable)
        raise UsageError(f"--tune is for files of kernels that TVM compiles, and none is asked for: "
                         f"{', '.join(wanted)}", can)
    check_tunable(target, precision or "fp32")


def check_made(tune: Tune | None, exporters: Sequence[Exporter], targets: Sequence[str],
               precisions: Sequence[str]) -> None:
    """Raises: UsageError when a file that is to be tuned cannot be."""
    from edgenas.export.tvm.tuning import check_tunable
    for export, target, precision in zip(exporters, targets, precisions, strict=True):
        if tune and export.tunable:
            check_tunable(target, precision)


def tuned(export: Exporter, tune: Tune | None, threads: int, progress: Progress) -> Exporter:
    """`export`, or one that tunes where that is asked for and can be."""
    if tune is None or not export.tunable:
        return export
    from edgenas.export.tvm.tuning import Tuning
    return export.tuned(Tuning(tune.minutes, tune.folder or user_folder("tuning"), threads, progress))
