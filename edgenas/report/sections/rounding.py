"""What int8 cost each file."""

from __future__ import annotations

from collections.abc import Sequence

from edgenas.export.package.manifest import Artifact
from edgenas.report.markup import Html, note, table, tag
from edgenas.report.units import percent

HEAD = ("int8 file", "made by", "calibration images", "validation images", "right in fp32", "right in int8",
        "points lost", "points allowed")
METHODS = {"ptq": "rounding alone", "qat": "training for int8"}


def rounding(artifacts: Sequence[Artifact]) -> list[Html]:
    """A table and what it means; nothing where there is no int8 file."""
    rows = [[a.path, METHODS[q.method], str(q.calibration_images), str(q.validation_images),
             percent(q.validation_accuracy_fp32), percent(q.validation_accuracy_int8), f"{q.drop_points:.2f}",
             f"{q.max_drop_points:g}"] for a in artifacts if (q := a.quantisation)]
    return [tag("div", table(HEAD, rows), note(
        "What int8 costs, on validation images: measured on the file itself in its runtime, against PyTorch in "
        "float32. Ranges come from training images."))] if rows else []
