"""Decoders of JPEG and PNG for programs: libraries that the system has for a program's target."""

from __future__ import annotations

import io
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgenas.export.native.compiler import NATIVE, compiles
from edgenas.export.native.reads import PLAIN, Kind, Library, Reads
from edgenas.export.tvm.target import CPU_MARK, HOST, LONGEST_S, Compiler
from edgenas.measure.process import complete

SOURCES = NATIVE / "decoders"
PROBE = SOURCES / "probe.c"
DEBIAN = {"aarch64": ":arm64", "armv7": ":armhf", "riscv64": ":riscv64", "x86-64": ":amd64"}
"""What follows a package's name, by target."""


@dataclass(frozen=True)
class Decoder:
    """Of one kind of image file. library: as pkg-config calls it; links: how it is linked where pkg-config does not
    know it; apt, brew: the packages that bring header and library."""

    kind: Kind
    library: Library
    links: tuple[str, ...]
    apt: str
    brew: str

    @property
    def function(self) -> str:
        return f"read_{self.kind.lower()}"


DECODERS = (Decoder("JPEG", "libjpeg", ("-ljpeg",), "libjpeg-dev", "jpeg-turbo"),
            Decoder("PNG", "libpng", ("-lpng", "-lz"), "libpng-dev", "libpng"))


@dataclass(frozen=True)
class Linking:
    """How decoders are linked. flags: of all that is compiled; before, after: around their libraries."""

    name: str
    flags: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()

    def libraries(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return (*self.before, *names, *self.after)


WHOLE = Linking("whole", flags=("-static",))
"""A program that stands alone."""
INSIDE = Linking("inside", before=("-Wl,-Bstatic",), after=("-Wl,-Bdynamic",))
"""Decoders within a program that needs other libraries."""
SHARED = Linking("shared")


@dataclass(frozen=True)
class Decoders:
    """Those that were found. flags: of what is compiled with them; links: their object files and libraries; reads: what
    a program with them reads.
    """

    found: tuple[Decoder, ...]
    flags: tuple[str, ...]
    links: tuple[str, ...]
    reads: Reads

    def source(self) -> str:
        """The part of net.c that native/image/file.c needs."""
        names = {decoder.kind: decoder.function for decoder in self.found}
        lines = [f"reading *const net_{decoder.function} = {names.get(decoder.kind, 'NULL')};" for decoder in DECODERS]
        return "\n".join(['#include "image/image.h"', *lines]) + "\n"


def find_decoders(chosen: Compiler, folder: Path, alone: Linking) -> Decoders:
    """Compile what decodes into `folder`, to be linked as `alone` says, WHOLE or INSIDE; if that leaves out a decoder
    that a shared library would bring, with the shared ones. For the host each has decoded an image.
    """
    found = _linked(chosen, folder, alone)
    if len(found) == len(DECODERS) or not compiles(chosen, folder, *alone.flags, str(PROBE), "-o", "probe"):
        return _described(chosen, alone, found)
    shared = _linked(chosen, folder, SHARED)
    return _described(chosen, SHARED, shared) if len(shared) > len(found) else _described(chosen, alone, found)


def _linked(chosen: Compiler, folder: Path, linking: Linking) -> dict[Decoder, tuple[str, ...]]:
    """What links each decoder that works."""
    found = {}
    for decoder in DECODERS:
        for options in options_of(decoder, chosen):
            libraries = linking.libraries(tuple(word for word in options if word[:2] in ("-L", "-l")))
            links = str(folder / f"{decoder.library}-{linking.name}.o"), *libraries
            headers = [word for word in options if word[:2] in ("-I", "-D")]
            source = str(SOURCES / f"{decoder.library}.c")
            if (compiles(chosen, folder, *linking.flags, *headers, "-c", source, "-o", links[0])
                    and _works(decoder, chosen, folder, (*linking.flags, *links))):
                found[decoder] = links
                break
    return found


def _works(decoder: Decoder, chosen: Compiler, folder: Path, options: tuple[str, ...]) -> bool:
    program = folder / "probe"
    if not compiles(chosen, folder, f"-DREAD={decoder.function}", str(PROBE), *options, "-lm", "-o", str(program)):
        return False
    if chosen.name != HOST:
        return True
    return complete([str(program)], LONGEST_S, _sample(decoder.kind)).status == 0


def _sample(kind: str) -> bytes:
    """A small image, which a library of another version than its header does not decode."""
    from PIL import Image
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, kind)
    return stream.getvalue()


def options_of(decoder: Decoder, chosen: Compiler) -> Iterator[tuple[str, ...]]:
    """How it may be compiled and linked: as the target's pkg-config says, and as it is in the usual places."""
    program = chosen.program.removesuffix("gcc") + "pkg-config"
    if shutil.which(program):
        done = complete([program, "--cflags", "--libs", "--static", decoder.library], LONGEST_S)
        if done.status == 0:
            words = shlex.split(done.said.decode(errors="replace"))
            yield tuple(word for word in words if word[:2] in ("-I", "-D", "-L", "-l") and word != "-lm")
    yield decoder.links


def _described(chosen: Compiler, linking: Linking, found: dict[Decoder, tuple[str, ...]]) -> Decoders:
    missing = [decoder for decoder in DECODERS if decoder not in found]
    reads = Reads(kinds=(*(decoder.kind for decoder in found), *PLAIN),
                  needs=tuple(decoder.library for decoder in found) if linking is SHARED else ())
    links = tuple(word for part in found.values() for word in part)
    if missing:
        reads = reads.model_copy(update={"unread": f"{_unread(missing, chosen)}; give it {reads.words}"})
    return Decoders(tuple(found), linking.flags, links, reads)


def _unread(missing: list[Decoder], chosen: Compiler) -> str:
    kinds, libraries = " and no ".join(d.kind for d in missing), " and ".join(d.library for d in missing)
    suffix = DEBIAN.get(chosen.name.partition(CPU_MARK)[0], "")
    packages = " ".join(f"{decoder.apt}{suffix}" for decoder in missing)
    brew = "" if suffix else f" (or brew install {' '.join(decoder.brew for decoder in missing)})"
    return (f"it reads no {kinds}, as {libraries} for the target {chosen.name} {'were' if missing[1:] else 'was'} not "
            f"found where it was exported: apt install {packages}{brew}, then export it again")
