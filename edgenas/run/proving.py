"""Does an exported file compute what PyTorch computes? The file is run, in its runtime, on validation images."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from edgenas.cost.operators import example_input
from edgenas.errors import ExportError
from edgenas.export.base import Export, Exporter
from edgenas.export.contents import sidecar_path
from edgenas.export.manifest import Quantisation
from edgenas.export.parity import Parity, gate, parity
from edgenas.measure.session import open_session
from edgenas.run.folder import Run

HOST = "host"
PARITY_IMAGES = 256


@dataclass(frozen=True)
class Proven:
    """A file that passed: in which runtime, how near to PyTorch, and what int8 cost it."""

    runtime: str
    parity: Parity
    quantisation: Quantisation | None = None


def export_fp32(run: Run, network: nn.Module, export: Exporter, runtime: str, path: Path, target: str) -> Proven:
    """Write the file `path`; it is removed if it is refused.

    Raises: ExportError with the figures when it does not compute what PyTorch computes.
    """
    item = Export(network, example_input(run.space.input_shape), path)
    export.export([item], target=target)
    with runnable(export, item, target) as file:
        return Proven(runtime, prove(run, network, file, runtime, path))


@contextlib.contextmanager
def runnable(export: Exporter, item: Export, target: str, precision: str = "fp32") -> Iterator[Path]:
    """The item's file, or, as what another target's code computes cannot be run here, the same built for this machine.
    """
    if target == HOST:
        yield item.path
        return
    with tempfile.TemporaryDirectory(prefix="edgenas-") as folder:
        here = replace(item, path=Path(folder) / f"model{export.suffix}")
        export.export([here], precision=precision)
        yield here.path


def prove(run: Run, network: nn.Module, file: Path, runtime: str, exported: Path) -> Parity:
    """Compare `file` with PyTorch on validation images; when they differ, `exported` is removed.

    Raises: ExportError with the figures.
    """
    images = run.task.normalise(run.task.validation.images[:PARITY_IMAGES])
    try:
        result = parity(network, open_session(file, runtime).predict, images)
        gate(result)
    except ExportError as error:
        exported.unlink()
        sidecar_path(exported).unlink(missing_ok=True)
        raise ExportError(f"{exported.name} is refused: {error.message}", error.hint) from error
    return result
