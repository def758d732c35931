"""ONNX files: directly where every operator is in the vocabulary, else by PyTorch's own exporter."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch.fx import GraphModule

from edgenas.errors import ExportError
from edgenas.export.base import Done, Export, Exporter, in_batches, plain_path
from edgenas.export.check.coverage import check_coverage
from edgenas.export.check.culprit import located
from edgenas.export.check.transposes import Transpose, transposes_in_onnx
from edgenas.export.direct import directly, lowered
from edgenas.export.extras import import_extra
from edgenas.export.ir.tracing import examples, trace, translated
from edgenas.export.onnx.coverage import onnx_coverage
from edgenas.export.onnx.graph import canonical
from edgenas.export.onnx.probe import values
from edgenas.export.onnx.quantiser import quantised
from edgenas.export.onnx.writer import content
from edgenas.export.package.about import About, embed
from edgenas.export.quantise.quantised import check_calibration, quantise
from edgenas.export.quiet import quiet
from edgenas.files import replacing

# Modules exported as one program cost a fifth of what they cost one by one; larger batches gain no more.
BATCH = 32


class ToOnnx(Exporter):
    """Input `image`, output `logits`, float32, static shapes, batch normalisation folded into convolutions.

    int8: input and output stay float32, and are rounded within. mixed: so are those of each run of blocks that are
    marked for int8 (edgenas.space.int8); the rest is as in the fp32 file.

    The file is portable, so `target` does not change it. The same module gives the same bytes, alone or beside
    others; nothing in it tells where it was made.
    """

    format = "onnx"
    suffix = ".onnx"
    extra = "onnx"
    precisions = ("fp32", "int8", "mixed")
    portable = True
    labels = True
    shows_values = True
    shows_int8 = True
    example_needs = "numpy onnxruntime pillow"

    def export(self, items: Sequence[Export], *, target: str = "host", precision: str = "fp32",
               on_done: Done | None = None) -> None:
        self.check_precision(precision)
        for package in ("onnx", "onnxscript"):
            import_extra(package, self.extra)
        if precision != "fp32":
            import_extra("onnxruntime", self.extra)
            self._quantised(items, precision, on_done)
        else:
            left = directly(items, lambda item: content(lowered(item)), on_done)
            in_batches([items[position] for position in left], BATCH, write, on_done)

    def label(self, path: Path, about: About) -> None:
        embed(path, about)

    def transposes(self, path: Path) -> list[Transpose]:
        return transposes_in_onnx(path)

    def values(self, path: Path, image: NDArray[Any]) -> list[NDArray[Any]]:
        return values(path, image)

    def _quantised(self, items: Sequence[Export], precision: str, on_done: Done | None) -> None:
        from edgenas.export.onnx.int8_writer import content_int8
        for item in items:
            check_calibration(item)
        left = directly(items, lambda item: content_int8(quantise(item, precision)), on_done)
        if left and precision == "mixed":
            position, reason = next(iter(left.items()))
            raise ExportError(f"{items[position].path.name} cannot be of mixed precision: {reason}",
                              "replace that layer, or export it with --precision fp32 or int8")
        with tempfile.TemporaryDirectory(prefix="edgenas-") as folder:
            plain = {position: replace(items[position], path=plain_path(folder, position, items[position]))
                     for position in left}
            self.export(list(plain.values()))
            for position, source in plain.items():
                write_int8(items[position], source.path.read_bytes())
                if on_done:
                    on_done(items[position])


def write_int8(item: Export, model: bytes) -> None:
    assert item.calibration is not None
    with replacing(item.path) as scratch, translated([item], "it cannot be made int8"):
        made = quantised(model, item.calibration)
        check_coverage(item, onnx_coverage(made))
        scratch.write_bytes(made)


def write(items: Sequence[Export]) -> None:
    """Export the modules as one program, then cut it into one file each.

    Raises: ExportError naming, of a single module, the layer that ONNX cannot express.
    """
    from onnx.utils import Extractor
    graph = trace(items)
    try:
        extractor = Extractor(_program(items, graph))
    except ExportError as error:
        if len(items) > 1:
            raise
        raise located(items[0], error, lambda part: _program([part], trace([part]))) from error
    for index, item in enumerate(items):
        part = extractor.extract_model([f"image_{index}"], [f"logits_{index}"])
        with translated([item], "the exported ONNX graph is not valid"):
            model = canonical(part)
        with replacing(item.path) as scratch:
            scratch.write_bytes(model.SerializeToString(deterministic=True))


def _program(items: Sequence[Export], graph: GraphModule) -> Any:
    """The ONNX model with an input `image_<k>` and an output `logits_<k>` for the k-th item."""
    with translated(items, "ONNX cannot express it"), quiet(), torch.no_grad():
        program = torch.onnx.export(
            torch.export.export(graph, examples(items), strict=False), dynamo=True, verbose=False,
            input_names=[f"image_{index}" for index in range(len(items))],
            output_names=[f"logits_{index}" for index in range(len(items))],
        )
        assert program is not None
        return program.model_proto


EXPORTER = ToOnnx()
