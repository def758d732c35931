"""The C compiler of a target, and how it is called."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from edgenas.errors import ExportError
from edgenas.export.tvm.target import PACKAGES, Compiler, called, compiler
from edgenas.measure.process import Done

NATIVE = Path(__file__).parent
OPTIONS = ("-std=c99", "-D_POSIX_C_SOURCE=200809L", "-O2", "-s", "-Wl,--build-id=none")


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


def gcc(what: str, chosen: Compiler, folder: Path, *arguments: str) -> None:
    """Raises: ExportError with the compiler's own words; StorageError where it finds no room; DeviceError if it does
    not end."""
    done = _called(chosen, folder, arguments)
    if done.status:
        said = next(iter(done.first.splitlines()), f"exit status {done.status}")
        how = "link with -static" if "-static" in arguments else "compile and link"
        raise ExportError(f"{what}: {chosen.program} cannot compile it: {said}",
                          f"it must be able to {how}: install the C library's development package")


def compiles(chosen: Compiler, folder: Path, *arguments: str) -> bool:
    """Whether the compiler can do it; for what may be missing."""
    return _called(chosen, folder, arguments).status == 0


def _called(chosen: Compiler, folder: Path, arguments: tuple[str, ...]) -> Done:
    return called(chosen, [*OPTIONS, f"-I{NATIVE}", *arguments], str(folder))
