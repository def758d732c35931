"""`--format onnx-packed`: an ONNX file in gzip, proven by unpacking it; `<path>.json` beside it says what it holds."""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from edgenas.errors import ExportError
from edgenas.export import exporter
from edgenas.export.base import Done, Export, Exporter
from edgenas.export.package.contents import Sidecar, operators, sidecar_path, signature
from edgenas.files import replacing, write_json

LARGEST = 1 << 30
"""Bytes that a file may unpack to."""


class OnnxPacked(Exporter):
    format: ClassVar[str] = "onnx_packed"
    suffix: ClassVar[str] = ".onnx.gz"
    extra: ClassVar[str] = "onnx"
    precisions: ClassVar[tuple[str, ...]] = ("fp32", "int8")
    proof: ClassVar[str] = "onnx"

    def export(self, items: Sequence[Export], *, target: str = "host", precision: str = "fp32",
               on_done: Done | None = None) -> None:
        with tempfile.TemporaryDirectory(prefix="edgenas-") as folder:
            for item in items:
                plain = replace(item, path=Path(folder, "model.onnx"))
                exporter("onnx").export([plain], target=target, precision=precision)
                with replacing(item.path) as scratch:
                    scratch.write_bytes(gzip.compress(plain.path.read_bytes(), mtime=0))
                (inputs, outputs), kinds = signature(plain.path), operators(plain.path)
                beside = Sidecar(inputs=inputs, outputs=outputs, operators=kinds, target=target)
                write_json(sidecar_path(item.path), beside.model_dump(mode="json"))
                if on_done:
                    on_done(item)

    def unpack(self, path: Path) -> bytes | None:
        try:
            with gzip.open(path) as stream:
                return stream.read(LARGEST)
        except (OSError, EOFError) as error:
            raise ExportError(f"{path.name} is damaged: {error}", "export it again") from error


EXPORTER = OnnxPacked()
