"""Stand-alone programs: the network, its weights and all that runs and measures it in one statically linked file."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edgenas.errors import ExportError
from edgenas.files import replacing, write_json
from edgenas.measure.process import complete

from .aot import Plan, kernels, lower, plan
from .base import Done, Export, Exporter, in_batches, optional
from .contents import Sidecar, sidecar_path
from .native_images import image_source
from .native_source import WEIGHTS, facts_source, native_source
from .program import output_shapes, trace, translated
from .to_tvm import relax_module, sidecar
from .tvm_build import scheduled
from .tvm_target import LONGEST_S, PACKAGES, Compiler, compiler

NATIVE = Path(__file__).parent / "native"
CLASSIFY = "int (*const net_classify)(void)"
# -fwrapv: stb_image lets sums of a damaged JPEG file overflow.
OPTIONS = ("-std=c99", "-D_POSIX_C_SOURCE=200809L", "-O2", "-fwrapv", "-s", "-Wl,--build-id=none")


class ToBinary(Exporter):
    """A program for Linux and Android, of one thread, that needs neither Python nor a library.

    `target` is one of tvm_target.py's. The program's input is float32 in NCHW, one image a tensor; an
    item with `images` reads JPEG, PNG, PPM (P6) and PGM (P5) files too, and prepares them itself.

        model.bin < tensors                      a line {"logits": [...]} for each raw little-endian tensor
        model.bin --image < photo.jpg            a line {"class": 3, "label": "cat", "probability": 0.9, "logits": [..]}
        model.bin --describe                     a line on its signature and the machine, as worker.py's first
        model.bin --bench ID [NAME=VALUE ...]    a line with its latency; the names are protocol.py's

    It ends with 0; with 2 and a sentence on the standard error for input or arguments that it cannot use, with 1
    when it cannot run. A measurement that fails is a line {"id": ..., "error": ...}. `<path>.json` holds the
    signature too, and the operators that the program was compiled from.
    """

    format = "binary"
    suffix = ".bin"
    extra = "tvm"

    def export(self, items: Sequence[Export], *, target: str = "host", precision: str = "fp32",
               on_done: Done | None = None) -> None:
        self.check_precision(precision)
        optional("tvm", self.extra)
        chosen = c_compiler(target)
        with tempfile.TemporaryDirectory(prefix="edgenas-") as folder:
            runner = compile_runner(chosen, Path(folder), any(item.images for item in items))
            in_batches(items, 1, lambda batch: write(batch[0], chosen, runner), on_done)


def c_compiler(target: str) -> Compiler:
    """As tvm_target.compiler(), with the C compiler of the same package.

    Raises: UsageError for an unknown target; ExportError when a compiler is not installed.
    """
    found = compiler(target)
    program, package = (name.replace("g++", "gcc") for name in (found.program, PACKAGES[found.program]))
    if shutil.which(program) is None:
        raise ExportError(f"compiling for {target!r} needs the program {program!r}, which is not installed",
                          f"apt install {package}")
    return replace(found, program=program)


def compile_runner(chosen: Compiler, folder: Path, images: bool) -> list[Path]:
    """Object files of what is the same in every program, without or with what reads images."""
    sources = sorted(NATIVE.glob("*.c")) + (sorted((NATIVE / "image").glob("*.c")) if images else [])
    gcc("a program's own part", chosen, folder, "-static", "-c", *map(str, sources))
    return [folder / f"{source.stem}.o" for source in sources]


def write(item: Export, chosen: Compiler, runner: Sequence[Path]) -> None:
    import tvm
    graph = trace([item])
    module = relax_module(item, graph)
    with translated([item], "TVM cannot compile it"):
        fast = scheduled(module, tvm.target.Target(chosen.target))
    beside = sidecar(item, output_shapes(graph)[0], module, chosen, fast)
    images = _classify(item, beside)
    with replacing(item.path) as scratch, tempfile.TemporaryDirectory(prefix="edgenas-") as name:
        folder = Path(name)
        with translated([item], "TVM cannot compile it"):
            found = compile_kernels(fast.module, chosen, folder / "kernels.o")
            (folder / "net.c").write_text(native_source(found) + facts_source(beside) + images, encoding="utf-8")
            (folder / WEIGHTS).write_bytes(found.weights)
        gcc(item.path.name, chosen, folder, "-static", "net.c", "kernels.o", *map(str, runner), "-lm",
            "-o", str(scratch.absolute()))
    item.path.chmod(0o755)
    write_json(sidecar_path(item.path), beside.model_dump(mode="json"))


def _classify(item: Export, beside: Sidecar) -> str:
    if item.images is None:
        return f"{CLASSIFY} = NULL;\n"
    return f"{image_source(item, item.images, beside)}{CLASSIFY} = classify;\n"


def compile_kernels(module: object, chosen: Compiler, path: Path) -> Plan:
    """Compile a Relax module's functions to the object file `path`; in which order and on what they run."""
    import tvm
    target = tvm.target.Target(chosen.target)
    lowered = lower(module, target)
    found = plan(lowered)
    tvm.tirx.build(kernels(lowered), target=target).write_to_file(str(path), "o")
    return found


def gcc(what: str, chosen: Compiler, folder: Path, *arguments: str) -> None:
    """Raises: ExportError with the compiler's own words; DeviceError if it does not end."""
    done = complete([chosen.program, *OPTIONS, f"-I{NATIVE}", *arguments], LONGEST_S, folder=str(folder))
    if done.status:
        said = next(iter(done.first.splitlines()), f"exit status {done.status}")
        how = "link with -static" if "-static" in arguments else "compile and link"
        raise ExportError(f"{what}: {chosen.program} cannot compile it: {said}",
                          f"it must be able to {how}: install the C library's development package")


EXPORTER = ToBinary()
