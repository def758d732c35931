from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from edgenas.errors import ExportError, UsageError
from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.micro.c_source import array_in
from edgenas.export.package.contents import figures, operators, signature
from edgenas.export.quantise.quantised import random_calibration
from edgenas.measure.runtimes.run_tflite_micro import tried

from ..nets import MBConv, settled

TO = exporter("c-array")


def item(path: Path, module: nn.Module | None = None) -> Export:
    torch.manual_seed(0)
    image = torch.randn(1, 8, 12, 12)
    return Export(module or settled(MBConv(8, 8, 3)), image, path, random_calibration(image))


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Export:
    found = item(tmp_path_factory.mktemp("c") / "model.c")
    TO.export([found])
    return found


def test_the_array_is_the_int8_file(made, tmp_path):
    plain = item(tmp_path / "model.tflite")
    exporter("tflite").export([plain], precision="int8")
    assert array_in(made.path.read_text()) == plain.path.read_bytes()
    assert signature(made.path) == signature(plain.path) and operators(made.path) == operators(plain.path)
    assert f"#define MODEL_LENGTH {plain.path.stat().st_size}" in made.path.with_suffix(".h").read_text()


def test_it_runs_in_the_promised_arena_and_not_in_16_bytes_less(made):
    content, arena = array_in(made.path.read_text()), round(figures(made.path)["arena_kib"] * 1024)
    assert f"#define MODEL_ARENA_BYTES {arena}" in made.path.with_suffix(".h").read_text()
    assert not tried(content, arena) and "missing:" in tried(content, arena - 16)


def test_what_tflite_micro_cannot_run_is_named(tmp_path):
    with pytest.raises(ExportError, match="net.c: tflite-micro cannot run it: .*'GELU'") as caught:
        TO.export([item(tmp_path / "net.c", nn.Sequential(nn.Conv2d(8, 4, 1), nn.GELU()))])
    assert "--format tflite" in caught.value.hint
    assert not any(tmp_path.iterdir())


def test_an_arena_that_cannot_be_found_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr("edgenas.measure.runtimes.run_tflite_micro.LEAST_ARENA", 1 << 11)
    monkeypatch.setattr("edgenas.measure.runtimes.run_tflite_micro.LARGEST_ARENA", 1 << 12)
    with pytest.raises(ExportError, match="net.c: tflite-micro cannot run it: .*missing"):
        TO.export([item(tmp_path / "net.c")])
    assert not any(tmp_path.iterdir())


def test_refusals(tmp_path, monkeypatch):
    with pytest.raises(UsageError, match="the format 'c_array' has no precision 'fp32'"):
        TO.export([item(tmp_path / "net.c")], precision="fp32")
    monkeypatch.setitem(sys.modules, "tflite_micro", None)
    with pytest.raises(UsageError, match="needs the package 'tflite_micro'") as caught:
        TO.export([item(tmp_path / "net.c")])
    assert "edgenas[micro]" in caught.value.hint
    assert not any(tmp_path.iterdir())
