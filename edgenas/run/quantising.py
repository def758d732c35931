"""int8 files that lose no more accuracy than is allowed, measured on the file itself in its runtime."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from torch import nn

from edgenas.cost.operators import example_input
from edgenas.errors import ExportError
from edgenas.export.base import Export, Exporter
from edgenas.export.contents import sidecar_path
from edgenas.export.manifest import Quantisation
from edgenas.export.parity import parity
from edgenas.files import replacing
from edgenas.measure.session import open_session
from edgenas.progress import Progress
from edgenas.run.folder import Run
from edgenas.run.measuring import calibration
from edgenas.run.proving import Proven, runnable


def export_int8(run: Run, network: nn.Module, export: Exporter, runtime: str, path: Path, target: str,
                max_drop: float, progress: Progress) -> Proven:
    """Write the file `path` if it holds; a file that was there before stays if it does not.

    Ranges are taken from training images, accuracies on all validation images.

    Raises: ExportError with the figures when it loses more than `max_drop` points.
    """
    images, labels = run.task.normalise(run.task.validation.images), run.task.validation.labels
    item = Export(network, example_input(run.space.input_shape), path, calibration(run))
    with tempfile.TemporaryDirectory(prefix="edgenas-") as folder:
        scratch = Export(network, item.example, Path(folder) / path.name, item.calibration)
        export.export([scratch], target=target, precision="int8")
        with runnable(export, scratch, target, "int8") as file:
            found = parity(network, open_session(file, runtime).predict, images, labels)
        record = Quantisation(
            method="ptq", calibration_images=len(calibration(run)), validation_images=len(images),
            validation_accuracy_fp32=found.expected_right / len(images),
            validation_accuracy_int8=found.right / len(images),
            drop_points=found.drop_points, max_drop_points=max_drop)
        if record.drop_points > max_drop:
            raise ExportError(
                f"{path.name} is refused: it classifies {record.validation_accuracy_int8:.1%} of {len(images)} "
                f"validation images right, in fp32 {record.validation_accuracy_fp32:.1%} are: "
                f"{record.drop_points:.2g} points lost, and {max_drop:g} are allowed",
                "--max-drop with more points, or --precision fp32")
        publish(scratch.path, path)
    return Proven(runtime, found, record)


def publish(made: Path, path: Path) -> None:
    """Move a file, and what stands beside it, to where it is to be."""
    for source, place in ((made, path), (sidecar_path(made), sidecar_path(path))):
        if source.exists():
            with replacing(place) as scratch:
                shutil.copyfile(source, scratch)
