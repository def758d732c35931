"""Shared libraries with a plain C interface: the network and its weights, for programs of one's own."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from edgenas.export.base import Done, Export, Exporter, in_batches
from edgenas.export.exporters.binary import CLASSIFY, compile_kernels
from edgenas.export.exporters.tvm import relax_module, sidecar
from edgenas.export.extras import import_extra
from edgenas.export.ir.tracing import output_shapes, trace, translated
from edgenas.export.native.compiler import NATIVE, c_compiler, gcc
from edgenas.export.native.decoders import INSIDE, Decoders, find_decoders
from edgenas.export.native.images import image_source
from edgenas.export.native.library_header import library_header
from edgenas.export.native.source import WEIGHTS, facts_source, native_source
from edgenas.export.package.contents import Sidecar, sidecar_path
from edgenas.export.tvm.build import scheduled
from edgenas.export.tvm.target import Compiler
from edgenas.files import replacing, write_json, write_text

HEADER = "network.h"
LIBRARY = NATIVE / "library"
PIXELS = [LIBRARY / "pixels.c", *(NATIVE / "image" / f"{name}.c" for name in ("prepare", "flatten", "fit"))]
READERS = [NATIVE / "image" / f"{name}.c" for name in ("classify", "file", "pnm", "png", "jpeg", "exif")]


class ToLibrary(Exporter):
    """A library of one thread that needs the C library alone: no runtime of TVM's, no C++, no Python.

    Beside `<path>`, in place of its suffix: `.h`, its header, and `.run`, a program around it that takes and does what
    one of the format `binary` does. The input is float32 in NCHW. `target` is one of tvm_target.py's. `<path>.json`
    holds the signature, and the operators that the library was compiled from.
    """

    format = "library"
    suffix = "_c.so"
    extra = "tvm"
    beside = (".h", ".run")
    programs = (".run",)

    def export(self, items: Sequence[Export], *, target: str = "host", precision: str = "fp32",
               on_done: Done | None = None) -> None:
        self.check_precision(precision)
        import_extra("tvm", self.extra)
        chosen = c_compiler(target)
        in_batches(items, 1, lambda batch: write(batch[0], chosen), on_done)


def write(item: Export, chosen: Compiler) -> None:
    import tvm
    graph = trace([item])
    module = relax_module(item, graph)
    with translated([item], "TVM cannot compile it"):
        fast = scheduled(module, tvm.target.Target(chosen.target))
    beside = sidecar(item, output_shapes(graph)[0], module, chosen, fast)
    images = image_source(item, item.images, beside) if item.images else ""
    with replacing(item.path) as library, tempfile.TemporaryDirectory(prefix="edgenas-") as name:
        folder = Path(name)
        decoders = find_decoders(chosen, folder, INSIDE) if item.images else None
        beside = beside.model_copy(update={"reads": decoders.reads if decoders else None})
        with translated([item], "TVM cannot compile it"):
            plan = compile_kernels(fast.module, chosen, folder / "kernels.o")
            (folder / "net.c").write_text(native_source(plan) + images, encoding="utf-8")
            (folder / WEIGHTS).write_bytes(plan.weights)
        link_library(item, chosen, folder, library)
        (folder / HEADER).write_text(library_header(item.path.name, beside, bool(item.images)), encoding="utf-8")
        link_runner(item, chosen, folder, library, beside, decoders)
        write_text(item.path.with_suffix(".h"), (folder / HEADER).read_text(encoding="utf-8"))
    item.path.chmod(0o755)
    write_json(sidecar_path(item.path), beside.model_dump(mode="json"))


def link_library(item: Export, chosen: Compiler, folder: Path, library: Path) -> None:
    sources = [LIBRARY / "library.c", NATIVE / "kernels.c", *(PIXELS if item.images else [])]
    gcc(item.path.name, chosen, folder, "-shared", "-fPIC", "net.c", "kernels.o", *map(str, sources), "-lm",
        *to_linker("-soname", item.path.name, f"--version-script={LIBRARY / 'exports.map'}", "--no-undefined"),
        "-o", str(library.absolute()))


def link_runner(item: Export, chosen: Compiler, folder: Path, library: Path, beside: Sidecar,
                decoders: Decoders | None) -> None:
    """A program that finds the library in its own folder."""
    sources = [path for path in sorted(NATIVE.glob("*.c")) if path.name != "kernels.c"]
    classify = "classify" if item.images else "NULL"
    declared = decoders.source() if decoders else ""
    (folder / "facts.c").write_text(f"{facts_source(beside)}{declared}{CLASSIFY} = {classify};\n", encoding="utf-8")
    runner = item.path.with_suffix(".run")
    with replacing(runner) as scratch:
        gcc(runner.name, chosen, folder, "-I.", "facts.c", str(LIBRARY / "runner.c"),
            *map(str, [*sources, *(READERS if item.images else [])]), *(decoders.links if decoders else ()),
            str(library.absolute()),
            *to_linker("-rpath", "$ORIGIN"), "-lm", "-o", str(scratch.absolute()))
    runner.chmod(0o755)


def to_linker(*words: str) -> list[str]:
    """Unlike -Wl, this leaves commas in a file's name alone."""
    return [part for word in words for part in ("-Xlinker", word)]


EXPORTER = ToLibrary()
