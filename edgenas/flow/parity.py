"""Does an exported file compute what PyTorch computes? The file is run, in its runtime, on validation images."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from edgenas.cost.network import example_input
from edgenas.data import Task
from edgenas.errors import ExportError
from edgenas.export import exporter
from edgenas.export.base import Export, Exporter
from edgenas.export.check.findings import gates
from edgenas.export.check.parity import Parity, gate, parity
from edgenas.export.check.session import open_session
from edgenas.export.package.contents import sidecar_path
from edgenas.export.package.manifest import Gates, Quantisation
from edgenas.flow.diagnosis import blamed
from edgenas.flow.manifest import images
from edgenas.flow.product import Product

HOST = "host"
PARITY_IMAGES = 256


@dataclass(frozen=True)
class Proven:
    """A file that passed: in which runtime, how near to PyTorch, what int8 cost it, what else is in it."""

    runtime: str
    parity: Parity
    quantisation: Quantisation | None = None
    gates: Gates | None = None


def export_fp32(product: Product, export: Exporter, runtime: str, path: Path, target: str) -> Proven:
    """Write the file `path`; it is removed if it is refused.

    Raises: ExportError with the figures when it does not compute what PyTorch computes.
    """
    network, task = product.network, product.task
    item = Export(network, example_input(task.input_shape), path, images=images(task))
    export.export([item], target=target)
    with refused(path, export), runnable(export, item, target) as file:
        found = gates(network, item.example, path, export)
        return Proven(runtime, prove(network, task, file, export, runtime), gates=found)


@contextlib.contextmanager
def runnable(export: Exporter, item: Export, target: str, precision: str = "fp32") -> Iterator[Path]:
    """The item's file, or, as what another target's code computes cannot be run here, the same built for this machine,
    or in the format that proves the exporter's.
    """
    proof, content = exporter(export.proof) if export.proof else export, export.unpack(item.path)
    if target == HOST and content is None:
        yield item.path
        return
    with tempfile.TemporaryDirectory(prefix="edgenas-") as folder:
        here = replace(item, path=Path(folder) / f"model{proof.suffix}")
        if content is None:
            proof.export([here], precision=precision)
        else:
            here.path.write_bytes(content)
        yield here.path


def prove(network: nn.Module, task: Task, file: Path, export: Exporter, runtime: str) -> Parity:
    """Compare `file` with PyTorch on validation images.

    Raises: ExportError with the figures, naming the first layer that differs.
    """
    given = task.normalise(task.validation.images[:PARITY_IMAGES])
    result = parity(network, open_session(file, runtime).predict, given)
    try:
        gate(result)
    except ExportError as error:
        raise ExportError(f"{error.message}; {blamed(network, given, file, export, runtime)}", error.hint) from error
    return result


@contextlib.contextmanager
def refused(path: Path, export: Exporter) -> Iterator[None]:
    """An ExportError within names the file `path`; whatever is raised, it is removed, and what stands beside it: nobody
    must take it for one that passed."""
    try:
        yield
    except BaseException as error:
        for file in (path, sidecar_path(path), *map(path.with_suffix, export.beside)):
            file.unlink(missing_ok=True)
        if isinstance(error, ExportError):
            raise ExportError(f"{path.name} is refused: {error.message}", error.hint) from error
        raise
