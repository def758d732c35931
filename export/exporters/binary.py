"""Stand-alone programs: the network, its weights and all that runs and measures it in one statically linked file."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from edgenas.export.base import Done, Export, Exporter, in_batches
from edgenas.export.exporters.tvm import relax_module, sidecar
from edgenas.export.extras import import_extra
from edgenas.export.ir.tracing import output_shapes, trace, translated
from edgenas.export.native.aot import Plan, kernels, lower, plan
from edgenas.export.native.compiler import NATIVE, c_compiler, gcc
from edgenas.export.native.decoders import WHOLE, Decoders, find_decoders
from edgenas.export.native.images import image_source
from edgenas.export.native.source import WEIGHTS, facts_source, native_source
from edgenas.export.package.contents import Sidecar, sidecar_path
from edgenas.export.tvm.build import scheduled
from edgenas.export.tvm.objects import write_object
from edgenas.export.tvm.target import Compiler
from edgenas.files import replacing, write_json

CLASSIFY = "int (*const net_classify)(void)"
ALONE = ("-static",)


class ToBinary(Exporter):
    """A program for Linux and Android, of one thread, that needs neither Python nor a library.

    `target` is one of tvm_target.py's. The program's input is float32 in NCHW, one image a tensor; an item with
    `images` reads PPM (P6) and PGM (P5) files too, and prepares them itself; JPEG and PNG files where libjpeg and
    libpng for the target are found here. They become part of the program; where only their shared libraries are
    found, it needs those. See native_decoders.py.

        model.bin < tensors                      a line {"logits": [...]} for each raw little-endian tensor
        model.bin --image < photo.jpg            a line {"class": 3, "label": "cat", "probability": 0.9, "logits": [..]}
        model.bin --describe                     a line on its signature and the machine, as worker.py's first
        model.bin --help                         its arguments, and the image files that it reads
        model.bin --bench ID [NAME=VALUE ...]    a line with its latency; the names are protocol.py's

    It ends with 0; with 2 and a sentence on the standard error for input or arguments that it cannot use, with 1
    when it cannot run. A measurement that fails is a line {"id": ..., "error": ...}. `<path>.json` holds the
    signature too, and the operators that the program was compiled from.
    """

    format = "binary"
    suffix = ".bin"
    extra = "tvm"
    programs = (".bin",)
    example_needs = "numpy pillow"

    def export(self, items: Sequence[Export], *, target: str = "host", precision: str = "fp32",
               on_done: Done | None = None) -> None:
        self.check_precision(precision)
        import_extra("tvm", self.extra)
        chosen = c_compiler(target)
        with tempfile.TemporaryDirectory(prefix="edgenas-") as folder:
            decoders = find_decoders(chosen, Path(folder), WHOLE) if any(item.images for item in items) else None
            runner = compile_runner(chosen, Path(folder), decoders)
            in_batches(items, 1, lambda batch: write(batch[0], chosen, runner, decoders), on_done)


def compile_runner(chosen: Compiler, folder: Path, decoders: Decoders | None) -> list[Path]:
    """Object files of what is the same in every program, without or with what reads images."""
    sources = sorted(NATIVE.glob("*.c")) + (sorted((NATIVE / "image").glob("*.c")) if decoders else [])
    gcc("a program's own part", chosen, folder, *_flags(decoders), "-c", *map(str, sources))
    return [folder / f"{source.stem}.o" for source in sources]


def _flags(decoders: Decoders | None) -> tuple[str, ...]:
    return decoders.flags if decoders else ALONE


def write(item: Export, chosen: Compiler, runner: Sequence[Path], decoders: Decoders | None) -> None:
    import tvm
    graph = trace([item])
    module = relax_module(item, graph)
    with translated([item], "TVM cannot compile it"):
        fast = scheduled(module, tvm.target.Target(chosen.target))
    beside = sidecar(item, output_shapes(graph)[0], module, chosen, fast)
    if item.images and decoders:
        beside = beside.model_copy(update={"reads": decoders.reads})
    images = _classify(item, beside, decoders)
    with replacing(item.path) as scratch, tempfile.TemporaryDirectory(prefix="edgenas-") as name:
        folder = Path(name)
        with translated([item], "TVM cannot compile it"):
            found = compile_kernels(fast.module, chosen, folder / "kernels.o")
            (folder / "net.c").write_text(native_source(found) + facts_source(beside) + images, encoding="utf-8")
            (folder / WEIGHTS).write_bytes(found.weights)
        gcc(item.path.name, chosen, folder, *_flags(decoders), "net.c", "kernels.o", *map(str, runner),
            *(decoders.links if decoders else ()), "-lm", "-o", str(scratch.absolute()))
    item.path.chmod(0o755)
    write_json(sidecar_path(item.path), beside.model_dump(mode="json"))


def _classify(item: Export, beside: Sidecar, decoders: Decoders | None) -> str:
    if item.images is None or decoders is None:
        return f"{CLASSIFY} = NULL;\n"
    return f"{image_source(item, item.images, beside)}{decoders.source()}{CLASSIFY} = classify;\n"


def compile_kernels(module: object, chosen: Compiler, path: Path) -> Plan:
    """Compile a Relax module's functions to the object file `path`; in which order and on what they run."""
    import tvm
    target = tvm.target.Target(chosen.target)
    lowered = lower(module, target)
    found = plan(lowered)
    write_object(tvm.tirx.build(kernels(lowered), target=target), path)
    return found


EXPORTER = ToBinary()
