"""Which decoders are found, with compilers as they are: what is missing is really not there."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from edgenas.export.native.decoders import INSIDE, WHOLE, find_decoders
from edgenas.export.native.reads import Reads
from edgenas.export.package.contents import reads
from edgenas.export.tvm.target import Compiler

from ..decoding import decoders, hide
from ..image_files import picture, saved
from ..photographed import small
from ..programs import run

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc here")
HOST = Compiler("host", {}, "gcc")


@pytest.fixture
def both() -> None:
    if set(decoders().reads.kinds) < {"JPEG", "PNG"}:
        pytest.skip(decoders().reads.unread)


def sonames(program: Path) -> list[str]:
    """Of the shared libraries that a program names."""
    found = subprocess.run(["readelf", "-d", program], capture_output=True, text=True, check=True).stdout
    return [row.split("[")[1].rstrip("]").partition(".so")[0] for row in found.splitlines() if "(NEEDED)" in row]


def look_first(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """gcc links what is in the folder rather than what is elsewhere."""
    (folder / "bin").mkdir()
    (folder / "bin" / "gcc").write_text(f'#!/bin/sh\nexec {shutil.which("gcc")} -L{folder} "$@"\n')
    (folder / "bin" / "gcc").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder / "bin"), prepend=":")


def only_shared(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Linkers find the shared libraries as they are, and static ones that are none."""
    for name in ("jpeg", "png", "png16"):
        where = subprocess.run(["gcc", f"-print-file-name=lib{name}.so"], capture_output=True, text=True, check=True)
        if Path(where.stdout.strip()).is_absolute():
            (folder / f"lib{name}.so").symlink_to(Path(where.stdout.strip()).resolve())
        (folder / f"lib{name}.a").write_text("no archive")
    look_first(monkeypatch, folder)


def test_one_that_is_missing_leaves_the_other(tmp_path: Path, monkeypatch, both) -> None:
    hide(monkeypatch, tmp_path, "png.h")
    found = find_decoders(HOST, tmp_path, WHOLE)
    assert found.reads.kinds == ("JPEG", "PPM", "PGM")
    assert found.reads.unread == ("it reads no PNG, as libpng for the target host was not found where it was exported: "
                                  "apt install libpng-dev (or brew install libpng), then export it again; give it "
                                  "JPEG, PPM (P6) or PGM (P5)")
    assert "reading *const net_read_png = NULL;" in found.source()
    assert "reading *const net_read_jpeg = read_jpeg;" in found.source()


@pytest.mark.parametrize(("target", "packages"), [("aarch64:cortex-a72", "libjpeg-dev:arm64 libpng-dev:arm64, then"),
                                                  ("armv7", "libjpeg-dev:armhf libpng-dev:armhf, then")])
def test_another_target_s_packages_are_named(target: str, packages: str, tmp_path: Path, monkeypatch) -> None:
    hide(monkeypatch, tmp_path)
    assert packages in find_decoders(Compiler(target, {}, "gcc"), tmp_path, WHOLE).reads.unread


def test_a_decoder_that_does_not_decode_is_none(tmp_path: Path, monkeypatch, both) -> None:
    """A header of another version than the library: it compiles and links."""
    hide(monkeypatch, tmp_path, "other.h")
    (tmp_path / "include" / "jpeglib.h").write_text("#include_next <jpeglib.h>\n#undef JPEG_LIB_VERSION\n"
                                                    "#define JPEG_LIB_VERSION 1\n")
    assert find_decoders(HOST, tmp_path, WHOLE).reads.kinds == ("PNG", "PPM", "PGM")


def test_where_pkg_config_says_is_looked_first(tmp_path: Path, monkeypatch, both) -> None:
    if shutil.which("pkg-config") is None:
        pytest.skip("no pkg-config here")
    hide(monkeypatch, tmp_path, "other.h")
    (tmp_path / "libpng.pc").write_text("Name: png\nDescription: -\nVersion: 1\nCflags: -DPNG_H -I/nowhere\n"
                                        "Libs: -L/nowhere -lpng -lz -lm\n")
    tried = find_decoders(HOST, tmp_path, WHOLE)
    assert tried.reads.kinds[:2] == ("JPEG", "PNG")  # by its usual place: what pkg-config said does not compile
    (tmp_path / "libpng.pc").write_text("Name: png\nDescription: -\nVersion: 1\nLibs: -L/nowhere -lpng -lz -lm\n")
    assert "-L/nowhere" in find_decoders(HOST, tmp_path, WHOLE).links


def test_shared_decoders_are_taken_where_no_static_ones_are(tmp_path: Path, monkeypatch, both) -> None:
    only_shared(monkeypatch, tmp_path)
    found = find_decoders(HOST, tmp_path, INSIDE)
    assert (found.reads.needs, found.flags) == (("libjpeg", "libpng"), ())
    assert "needs the shared libjpeg and libpng where it runs, as no static one" in found.reads.warning
    program = small().export("binary", tmp_path / "net.bin")
    assert {"libjpeg", "libc"} < set(sonames(program))
    assert reads(program) == Reads(kinds=("JPEG", "PNG", "PPM", "PGM"), needs=("libjpeg", "libpng"))
    for kind in ("PNG", "JPEG"):
        done = run(program, "--image", given=saved(picture("RGB", 30, 40), kind))
        assert (done.returncode, done.stderr) == (0, b"") and json.loads(done.stdout)["label"]


def test_a_system_without_a_static_c_library_is_not_taken_for_one_without_decoders(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "libc.a").write_text("no archive")
    look_first(monkeypatch, tmp_path)
    found = find_decoders(HOST, tmp_path, WHOLE)
    assert (found.flags, found.reads.kinds) == (("-static",), ("PPM", "PGM"))
