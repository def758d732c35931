"""TFLite files: directly where every operator is in the vocabulary, else by litert-torch."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.fx import GraphModule

from edgenas.errors import ExportError
from edgenas.export.base import Done, Export, Exporter, in_batches, plain_path
from edgenas.export.check.culprit import located
from edgenas.export.check.transposes import Transpose, transposes_in_tflite
from edgenas.export.direct import directly, lowered
from edgenas.export.extras import import_extra
from edgenas.export.ir.tracing import examples, output_shapes, trace, translated
from edgenas.export.package.about import About, embed
from edgenas.export.quantise.quantised import check_calibration, quantise
from edgenas.export.quiet import muted, quiet
from edgenas.export.tflite.partitions import Partitions, partitions
from edgenas.export.tflite.probe import values
from edgenas.export.tflite.roundable import ROUNDABLE
from edgenas.export.tflite.substitutes import substituted
from edgenas.files import replacing

# Modules converted together cost a third of what they cost one by one; larger batches gain no more.
BATCH = 16


class ToTflite(Exporter):
    """Input `image`, output `logits`, all float32 or all int8; images and feature maps are NHWC, as TFLite computes.

    The file is portable, so `target` does not change it. Names in
    it are those of operators, not of the modules' classes.
    """

    format = "tflite"
    suffix = ".tflite"
    extra = "tflite"
    precisions = ("fp32", "int8")
    portable = True
    channels_last = True
    labels = True
    shows_values = True
    shows_int8 = True
    example_needs = "numpy ai-edge-litert pillow"

    def export(self, items: Sequence[Export], *, target: str = "host", precision: str = "fp32",
               on_done: Done | None = None) -> None:
        self.check_precision(precision)
        for package in ("flatbuffers", "ai_edge_litert.schema_py_generated"):
            import_extra(package, self.extra)
        if precision == "int8":
            self._int8(items, on_done)
        else:
            from edgenas.export.tflite.writer import content
            left = directly(items, lambda item: content(lowered(item)), on_done)
            in_batches([items[position] for position in left], BATCH, write, on_done)

    def label(self, path: Path, about: About) -> None:
        embed(path, about)

    def transposes(self, path: Path) -> list[Transpose]:
        return transposes_in_tflite(path)

    def partitions(self, path: Path) -> Partitions:
        return partitions(path)

    def values(self, path: Path, image: NDArray[Any]) -> list[NDArray[Any]]:
        return values(path, image)

    def _int8(self, items: Sequence[Export], on_done: Done | None) -> None:
        from edgenas.export.tflite.writer import content_int8
        for item in items:
            check_calibration(item)
        left = directly(items, lambda item: content_int8(quantise(item)), on_done)
        with tempfile.TemporaryDirectory(prefix="edgenas-") as folder:
            plain = {position: replace(items[position], path=plain_path(folder, position, items[position]))
                     for position in left}
            in_batches(list(plain.values()), BATCH, lambda batch: write(batch, ROUNDABLE))
            for position, source in plain.items():
                write_int8(items[position], source.path.read_bytes())
                if on_done:
                    on_done(items[position])


def write_int8(item: Export, model: bytes) -> None:
    from edgenas.export.tflite.quantiser import quantised
    assert item.calibration is not None
    with replacing(item.path) as scratch, translated([item], "it cannot be made int8"):
        scratch.write_bytes(quantised(model, item.calibration))


def write(items: Sequence[Export], substitutes: Mapping[Any, Callable[..., Tensor]] | None = None) -> None:
    """Convert the modules together, then cut the result into one file each. substitutes: for operators, to be put in.

    Raises: ExportError naming, of a single module, the layer that TFLite cannot express.
    """
    def traced(some: Sequence[Export]) -> GraphModule:
        graph = trace(some)
        if substitutes:
            substituted(graph, substitutes)
        return graph

    try:
        parts = _parts(items, traced(items))
    except ExportError as error:
        if len(items) > 1:
            raise
        raise located(items[0], error, lambda part: _parts([part], traced([part]))) from error
    for item, part in zip(items, parts, strict=True):
        with replacing(item.path) as scratch:
            scratch.write_bytes(part)


def _parts(items: Sequence[Export], graph: GraphModule) -> list[bytes]:
    """The files' contents; with substitutes for what the converter lacks where it fails without."""
    try:
        return _cut(items, _converted(items, graph))
    except ExportError:
        if not substituted(graph):
            raise
    return _cut(items, _converted(items, graph))


def _cut(items: Sequence[Export], converted: Any) -> list[bytes]:
    from edgenas.export.tflite.graph import split
    from edgenas.export.tflite.transposes import without_residual_transposes
    with translated(items, "the converted TFLite graph is not valid"):
        return [without_residual_transposes(part) for part in split(converted, len(items))]


def _converted(items: Sequence[Export], graph: GraphModule) -> Any:
    """A TFLite model with an input `args_<k>` and an output `output_<k>` for the k-th item."""
    litert = _litert_torch()
    images = examples(items)
    maps = [index for index, image in enumerate(images) if image.ndim == 4]
    made = [index for index, shape in enumerate(output_shapes(graph)) if len(shape) == 4]
    channels_last = litert.to_channel_last_io(graph, args=maps, outputs=made)
    channels_last.training = False
    given = tuple(image.permute(0, 2, 3, 1).contiguous() if image.ndim == 4 else image for image in images)
    with translated(items, "TFLite cannot express it"), quiet(), muted(), torch.no_grad():
        return litert.convert(channels_last, given).model_content()


def _litert_torch() -> Any:
    """litert_torch, which reports its progress on stdout unless this variable forbids it."""
    os.environ.setdefault("LITERT_TORCH_SHOW_PROGRESS", "n")
    with quiet(), muted():
        return import_extra("litert_torch", ToTflite.extra)


EXPORTER = ToTflite()
