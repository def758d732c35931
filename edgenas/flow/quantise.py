"""int8 and mixed files that lose no more accuracy than is allowed: by rounding, else by training for it, else none."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from torch import nn

from edgenas.cost.network import example_input
from edgenas.errors import ExportError
from edgenas.export import exporter
from edgenas.export.base import Export, Exporter
from edgenas.export.check.findings import gates
from edgenas.export.check.parity import Parity, parity
from edgenas.export.check.session import open_session
from edgenas.export.ir.lowering import NotLoweredError
from edgenas.export.package.contents import int8_coverage, sidecar_path
from edgenas.export.package.manifest import Quantisation
from edgenas.files import replacing
from edgenas.flow.diagnosis import blamed
from edgenas.flow.measure import calibration
from edgenas.flow.parity import Proven, runnable
from edgenas.flow.product import Product
from edgenas.flow.retrain import retrained
from edgenas.progress import Progress
from edgenas.text import one_line
from edgenas.train.settings import QatSettings


@dataclass
class Quantiser:
    """Makes a network's files of `precision`, int8 or mixed. max_drop: points of accuracy on the validation images
    that a file may lose.

    Accuracies are those of the files in their runtimes, and of the float32 network in PyTorch.
    """

    product: Product
    max_drop: float
    qat: QatSettings
    progress: Progress
    precision: str = "int8"
    tried: list[str] = field(default_factory=list)

    def export(self, export: Exporter, runtime: str, path: Path, target: str) -> Proven:
        """Write the file `path` if it holds; what was there before stays if it does not.

        Raises: ExportError with the figures when even training for int8 leaves it too far from float32.
        """
        self.tried = []
        with tempfile.TemporaryDirectory(prefix="edgenas-") as folder:
            scratch = Path(folder) / path.name
            rounded = self._attempt("ptq", self.product.network, export, runtime, scratch, target)
            proven = rounded or self._trained(export, runtime, scratch, target)
            publish(scratch, path, export)
        return proven

    def _trained(self, export: Exporter, runtime: str, scratch: Path, target: str) -> Proven:
        self.progress.say(one_line(f"{scratch.name} after rounding alone: {self.tried[-1]}; it is trained for int8"))
        try:
            network = retrained(self.product, self.qat, self.progress, self.precision)
        except NotLoweredError as error:
            raise self._refusal(scratch.name, f", and it cannot be trained for int8: {error}") from error
        proven = self._attempt("qat", network, export, runtime, scratch, target)
        if proven is None:
            raise self._refusal(scratch.name, f"; trained for int8 ({self.qat.epochs} epochs): {self.tried[-1]}")
        return proven

    def _attempt(self, method: Literal["ptq", "qat"], network: nn.Module, export: Exporter, runtime: str,
                 scratch: Path, target: str) -> Proven | None:
        """The file, if it holds; what it lost is noted in `tried`."""
        images = calibration(self.product.task)
        item = Export(network, example_input(self.product.task.input_shape), scratch, images)
        export.export([item], target=target, precision=self.precision)
        with runnable(export, item, target, self.precision) as file:
            found = self._compared(file, runtime)
            rounded_too_far = method == "ptq" and found.drop_points > self.max_drop
            self.tried.append(lost(found) + (self._blamed(file, export, runtime) if rounded_too_far else ""))
        record = Quantisation(
            method=method, calibration_images=len(images), validation_images=found.images,
            validation_accuracy_fp32=found.expected_right / found.images,
            validation_accuracy_int8=found.right / found.images, drop_points=found.drop_points,
            max_drop_points=self.max_drop, coverage=int8_coverage(scratch))
        if found.drop_points > self.max_drop:
            return None
        return Proven(runtime, found, record, gates(network, item.example, scratch, export))

    def _blamed(self, file: Path, export: Exporter, runtime: str) -> str:
        """Which layer, where the format shows real values in int8."""
        if not (exporter(export.proof) if export.proof else export).shows_int8:
            return ""
        task = self.product.task
        images = task.normalise(task.validation.images)
        return f" ({blamed(self.product.network, images, file, export, runtime, 'int8')})"

    def _compared(self, file: Path, runtime: str) -> Parity:
        task = self.product.task
        return parity(self.product.network, open_session(file, runtime).predict,
                      task.normalise(task.validation.images), task.validation.labels)

    def _refusal(self, name: str, trained: str) -> ExportError:
        return ExportError(f"{name} is refused: after rounding alone {self.tried[0]}{trained}; "
                           f"{self.max_drop:g} points are allowed",
                           "--set qat.epochs=30, --max-drop with more points, or --precision fp32")


def lost(found: Parity) -> str:
    drop = found.drop_points
    change = f"{-drop:.2f} points gained" if drop < 0 else f"{drop:.2f} points lost"
    return (f"{found.right / found.images:.2%} of {found.images} validation images are right, in fp32 "
            f"{found.expected_right / found.images:.2%}: {change}")


def publish(made: Path, path: Path, export: Exporter) -> None:
    """Move a file, and what stands beside it, to where it is to be."""
    beside = [(made.with_suffix(suffix), path.with_suffix(suffix)) for suffix in export.beside]
    for source, place in ((made, path), (sidecar_path(made), sidecar_path(path)), *beside):
        if source.exists():
            with replacing(place) as scratch:
                shutil.copyfile(source, scratch)
