"""C arrays for microcontrollers: an int8 TFLite file as a C source and its header."""

from __future__ import annotations

import importlib.metadata
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edgenas.errors import ExportError, FileError
from edgenas.export.base import Done, Export, Exporter
from edgenas.export.check.file_coverage import coverage
from edgenas.export.exporters.tflite import EXPORTER as TFLITE
from edgenas.export.extras import import_extra
from edgenas.export.micro.c_source import CSource, array_in
from edgenas.export.package.contents import Sidecar, operators, sidecar_path, signature
from edgenas.files import read_bounded, replacing, write_json, write_text

LARGEST = 256 << 20
"""Bytes of C source; a microcontroller holds a hundredth of it."""


class ToCArray(Exporter):
    """For TensorFlow Lite for Microcontrollers; `<path>` and, with `.h` in place of its suffix, the header beside it.

    The arena that the header promises was measured with tflite-micro: the model runs in it, and in 16 bytes less it
    does not. `<path>.json` holds it too (`arena_kib`). The file is portable, so `target` does not change it.
    """

    format = "c_array"
    suffix = ".c"
    extra = "micro"
    precisions = ("int8",)
    channels_last = True
    proof = TFLITE.format
    beside = (".h",)
    portable = True

    def unpack(self, path: Path) -> bytes | None:
        try:
            return array_in(read_bounded(path, LARGEST).decode("utf-8"))
        except (FileError, ValueError) as error:
            raise ExportError(f"{path} holds no network: {error}", "export it again") from error

    def export(self, items: Sequence[Export], *, target: str = "host", precision: str = "int8",
               on_done: Done | None = None) -> None:
        self.check_precision(precision)
        import_extra("tflite_micro", self.extra)
        with tempfile.TemporaryDirectory(prefix="edgenas-") as folder:
            for item in items:
                source = replace(item, path=Path(folder) / item.path.name)
                TFLITE.export([source], precision=precision)
                write(item, source.path.rename(source.path.with_suffix(".tflite")))
                if on_done:
                    on_done(item)


def write(item: Export, tflite: Path) -> None:
    """Raises: ExportError with tflite-micro's reason when it cannot run the file, in any arena that is tried."""
    from edgenas.measure.runtimes.run_tflite_micro import loaded
    content = tflite.read_bytes()
    try:
        _, arena, _ = loaded(content)
    except ValueError as error:
        raise ExportError(f"{item.path.name}: {error}",
                          "replace that part of the module, or export --format tflite --precision int8") from error
    inputs, outputs = signature(tflite)
    made = CSource(item.path.stem, content, arena, inputs[0], outputs[0], operators(tflite))
    write_text(item.path.with_suffix(".h"), made.header)
    with replacing(item.path) as scratch:
        scratch.write_text(made.source, encoding="utf-8")
    write_json(sidecar_path(item.path), Sidecar(
        inputs=inputs, outputs=outputs, operators=dict(made.operators), target="host",
        coverage=coverage(tflite), figures={"arena_kib": arena / 1024, "flash_kib": len(content) / 1024},
        made={"arena": f"tflite-micro {importlib.metadata.version('tflite-micro')}"}).model_dump(mode="json"))


EXPORTER = ToCArray()
