"""What this machine's programs can decode, and the reader of images compiled for tests."""

from __future__ import annotations

import functools
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from edgenas.export.native.compiler import NATIVE, c_compiler
from edgenas.export.native.decoders import SHARED, SOURCES, Decoders, find_decoders, options_of
from edgenas.export.native.reads import PLAIN, Reads
from edgenas.export.native.source import facts_source
from edgenas.export.package.contents import Sidecar, TensorSpec

from .image_files import kind_of

PARTS = ("file", "pnm", "png", "jpeg", "exif", "flatten", "fit")
FLAGS = ("gcc", "-std=c99", "-D_POSIX_C_SOURCE=200809L", f"-I{NATIVE}")


@functools.cache
def decoders() -> Decoders:
    """This machine's."""
    if shutil.which("gcc") is None:
        return Decoders((), (), (), Reads(unread="there is no gcc here"))
    with tempfile.TemporaryDirectory() as folder:
        return find_decoders(c_compiler("host"), Path(folder), SHARED)


def need(content: bytes, kinds: Sequence[str] | None = None) -> None:
    """Skip the test unless files of its kind are read; of no known kind, any reader refuses."""
    kind = kind_of(content)
    if kind and kind not in PLAIN and kind not in (decoders().reads.kinds if kinds is None else kinds):
        pytest.skip(decoders().reads.unread or f"the program reads no {kind}")


def hide(monkeypatch: pytest.MonkeyPatch, folder: Path, *headers: str) -> None:
    """Compilers find others, that do not compile, before the decoders' headers; pkg-config finds nothing."""
    (folder / "include").mkdir()
    for name in headers or ("jpeglib.h", "png.h"):
        (folder / "include" / name).write_text("#error\n")
    monkeypatch.setenv("CPATH", str(folder / "include"))
    monkeypatch.setenv("PKG_CONFIG_LIBDIR", str(folder))


def compile_reader(folder: Path, *options: str) -> list[str]:
    """The reader's object files and libraries, to be linked with -lm."""
    chosen, found = c_compiler("host"), decoders()
    spec = TensorSpec(name="a", shape=(1, 2), dtype="float32")
    facts = Sidecar(inputs=(spec,), outputs=(spec,), operators={}, target="host", reads=found.reads)
    (folder / "net.c").write_text(facts_source(facts) + found.source(), encoding="utf-8")
    sources, libraries = [folder / "net.c", *(NATIVE / "image" / f"{name}.c" for name in PARTS)], []
    for decoder in found.found:
        sources.append(SOURCES / f"{decoder.library}.c")
        libraries += next(options_of(decoder, chosen))
    for source in sources:
        subprocess.run([*FLAGS, *options, *libraries, "-c", str(source), "-o", str(folder / f"{source.stem}.o")],
                       check=True)
    return [*(str(folder / f"{source.stem}.o") for source in sources), *libraries]
