from __future__ import annotations

import ctypes
import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from edgenas.errors import ExportError
from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.check.session import open_session
from edgenas.export.package.contents import operators, signature

from ..image_files import picture
from ..photographed import CLASSES, Photographed, file, files, photographed
from ..programs import predictor, run
from ..test_native import WARNINGS

GREY = False
APP = r"""
#include "net_c.h"
#include <stdio.h>
int main(void) {
    static unsigned char pixels[EDGENAS_SIDE * EDGENAS_SIDE * 3];
    static float input[EDGENAS_INPUTS], output[EDGENAS_OUTPUTS];
    if (fread(pixels, 1, sizeof pixels, stdin) != sizeof pixels)
        return 1;
    if (edgenas_prepare(pixels, EDGENAS_SIDE, EDGENAS_SIDE, 3, input) || edgenas_run(input, output)) {
        fprintf(stderr, "%s\n", edgenas_error());
        return 2;
    }
    int best = 0;
    for (int i = 1; i < EDGENAS_OUTPUTS; i++)
        best = output[i] > output[best] ? i : best;
    puts(edgenas_label(best));
    return 0;
}
"""


@pytest.fixture(scope="module")
def made() -> Photographed:
    return photographed(GREY)


@pytest.fixture(scope="module")
def library(made: Photographed, tmp_path_factory) -> Path:
    return made.export("library", tmp_path_factory.mktemp("library") / "net_c.so")


def test_it_is_three_files_and_a_signature(library: Path) -> None:
    found = sorted(path.name for path in library.parent.iterdir())
    assert found == ["net_c.h", "net_c.run", "net_c.so", "net_c.so.json"]
    (image,), (logits,) = signature(library)
    assert (image.name, image.shape, logits.name, logits.shape) == ("image", (1, 1, 24, 28), "logits", (1, 5))
    assert operators(library)["nn.conv2d"] == 13


def test_it_needs_the_c_library_alone_and_shows_its_functions_alone(library: Path) -> None:
    needed = subprocess.run(["readelf", "-d", library], capture_output=True, text=True, check=True).stdout
    assert {line.split("[")[1].rstrip("]") for line in needed.splitlines() if "(NEEDED)" in line} <= {
        "libc.so.6", "libm.so.6"}
    shown = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True).stdout
    assert [line.split()[2] for line in shown.splitlines()] == [
        "edgenas_error", "edgenas_label", "edgenas_prepare", "edgenas_run"]
    assert str(Path.cwd()).encode() not in library.read_bytes() + library.with_suffix(".run").read_bytes()


def test_it_computes_what_pytorch_computes(library: Path, made: Photographed) -> None:
    contents = files(GREY, 30)
    given, expected = np.stack([made.input(content) for content in contents]), made.logits(contents)
    np.testing.assert_allclose(open_session(library, "library").predict(given), expected, atol=1e-4)
    np.testing.assert_allclose(predictor(library.with_suffix(".run"), signature=library)(given), expected, atol=1e-4)


@pytest.mark.parametrize("language", ["c", "c++"])
def test_a_program_of_one_s_own_links_it(language: str, library: Path, made: Photographed, tmp_path: Path) -> None:
    compiler = {"c": ["gcc", "-std=c99"], "c++": ["g++"]}[language]
    if shutil.which(compiler[0]) is None:
        pytest.skip(f"no {compiler[0]} here")
    subprocess.run([*compiler, *WARNINGS, "-DEDGENAS_SIDE=30", f"-I{library.parent}", "-x", language, "-", "-x", "none",
                    library, f"-Wl,-rpath,{library.parent}", "-lm", "-o", tmp_path / "app"],
                   input=APP.encode(), check=True)
    image = picture("RGB", 30, 30, seed=3)
    done = run(tmp_path / "app", given=np.asarray(image).tobytes())
    assert (done.returncode, done.stderr) == (0, b"")
    expected = CLASSES[made.logits([file(image)]).argmax()]
    assert done.stdout.decode() == f"{expected}\n"


def test_what_it_cannot_prepare_has_a_reason(library: Path) -> None:
    loaded = ctypes.CDLL(str(library))
    loaded.edgenas_prepare.argtypes = [ctypes.c_char_p, *[ctypes.c_uint] * 3, ctypes.c_void_p]
    loaded.edgenas_error.restype = loaded.edgenas_label.restype = ctypes.c_char_p
    pixels, given = bytes(64), np.zeros(24 * 28, np.float32).ctypes.data_as(ctypes.c_void_p)
    assert loaded.edgenas_prepare(pixels, 4, 4, 4, given) == 0
    assert loaded.edgenas_error() == b""
    for width, height, channels, reason in ((0, 4, 1, "pixels"), (1 << 20, 1 << 20, 1, "pixels"),
                                            (1, 1_000_001, 1, "sides"), (4, 4, 5, "RGBA")):
        assert loaded.edgenas_prepare(pixels, width, height, channels, given) == -1
        assert reason in loaded.edgenas_error().decode()
    assert [loaded.edgenas_label(index) for index in (-1, 5)] == [None, None]
    assert [loaded.edgenas_label(index).decode() for index in range(5)] == list(CLASSES)


def test_its_runner_is_a_program(library: Path) -> None:
    runner = library.with_suffix(".run")
    assert os.access(runner, os.X_OK)
    assert json.loads(run(runner, "--describe").stdout)["inputs"][0]["shape"] == [1, 1, 24, 28]
    bench = run(runner, "--bench", "a", "calibration_s=0.01", "warmup_max_s=0.01", "round_s=0.01", "patience_s=0.5")
    assert json.loads(bench.stdout)["latency"]["min_ms"] > 0
    for words, given, sentence in (((), b"abc", "the input ends after 3 bytes"), (("--image",), b"abc", "is no image"),
                                   (("--imag",), b"", "'--imag' cannot be used so")):
        done = run(runner, *words, given=given)
        assert (done.returncode, done.stdout) == (2, b"") and sentence in done.stderr.decode()


def test_without_images_it_takes_tensors_alone(tmp_path: Path) -> None:
    torch.manual_seed(0)
    item = Export(torch.nn.Conv2d(2, 3, 3), torch.randn(1, 2, 5, 5), tmp_path / "a_c.so")
    exporter("library").export([item, replace(item, path=tmp_path / "again" / "a_c.so")])
    assert item.path.read_bytes() == (tmp_path / "again" / "a_c.so").read_bytes()
    assert "edgenas_prepare" not in item.path.with_suffix(".h").read_text()
    given = torch.randn(2, 2, 5, 5)
    with torch.no_grad():
        expected = item.module(given).numpy()
    np.testing.assert_allclose(predictor(item.path.with_suffix(".run"), signature=item.path)(given.numpy()), expected,
                               atol=1e-5)


@pytest.mark.parametrize("fails", ["-shared", "facts.c"])
def test_a_compiler_that_fails_leaves_no_library(fails: str, tmp_path: Path, monkeypatch) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "gcc").write_text(f'#!/bin/sh\ncase "$*" in *\\ {fails}\\ *) echo no libc >&2; exit 1;; esac\n'
                                  f'exec {shutil.which("gcc")} "$@"\n')
    (programs / "gcc").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    item = Export(torch.nn.Conv2d(2, 3, 3), torch.randn(1, 2, 5, 5), tmp_path / "out" / "a_c.so")
    with pytest.raises(ExportError, match="gcc cannot compile it: no libc"):
        exporter("library").export([item])
    assert not item.path.parent.exists() or not any(item.path.parent.iterdir())
