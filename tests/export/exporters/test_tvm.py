from __future__ import annotations

import json
import platform
import struct
from pathlib import Path

import pytest
import torch
from disks import Disk
from torch import nn

from edgenas.errors import ExportError, StorageError, UsageError
from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.check.session import open_session

from ..conftest import Exported

# A cross compiler that links nothing: the library is the first object file.
COPY = """#!/bin/sh
while [ "$1" != -o ]; do shift; done
to="$2"
for file in "$@"; do case "$file" in *lib0.o|*devc.o) cp "$file" "$to"; exit;; esac; done
exit 1
"""


def layer(path: Path) -> Export:
    return Export(nn.Conv2d(2, 3, 3), torch.randn(1, 2, 5, 5), path)


def test_the_signature_stands_beside_the_library(tvm_files: Exported) -> None:
    path = tvm_files.items["shared"].path
    assert json.loads(Path(f"{path}.json").read_text()) == {
        "inputs": [{"name": "image", "shape": [1, 8, 10, 10], "dtype": "float32"}],
        "outputs": [{"name": "logits", "shape": [1, 8, 10, 10], "dtype": "float32"}],
        "operators": {"add": 4, "clip": 2, "nn.conv2d": 3, "reshape": 3},
        "target": "host", "figures": {}, "made": {}, "unscheduled": [], "tuned": None, "reads": None, "coverage": None,
    }


@pytest.mark.parametrize(("target", "machine"), [("aarch64", 183), ("armv7", 40), ("riscv64", 243)])
def test_a_cross_target_gets_code_of_its_machine(target: str, machine: int, tmp_path: Path, monkeypatch) -> None:
    for program in ("aarch64-linux-gnu-g++", "arm-linux-gnueabihf-g++", "riscv64-linux-gnu-g++"):
        (tmp_path / program).write_text(COPY)
        (tmp_path / program).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    item = layer(tmp_path / "layer.so")
    exporter("tvm").export([item], target=target)
    header = item.path.read_bytes()[:20]
    assert header[:4] == b"\x7fELF"
    assert struct.unpack_from("<H", header, 18) == (machine,)
    assert json.loads(Path(f"{item.path}.json").read_text())["target"] == target


@pytest.mark.skipif(platform.machine() != "x86_64", reason="runs code of another x86-64 processor")
def test_a_library_for_every_x86_64_runs_here(tmp_path: Path) -> None:
    item = layer(tmp_path / "layer.so")
    exporter("tvm").export([item], target="x86-64")
    found = open_session(item.path, "tvm").predict(item.example.numpy())
    torch.testing.assert_close(torch.from_numpy(found), item.module(item.example), rtol=1e-4, atol=1e-5)


def test_a_linker_that_fails_leaves_no_file(tmp_path: Path, monkeypatch) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "aarch64-linux-gnu-g++").write_text("#!/bin/sh\nexit 1\n")
    (programs / "aarch64-linux-gnu-g++").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    item = layer(tmp_path / "out" / "layer.so")
    with pytest.raises(ExportError, match=r"layer\.so: TVM cannot compile it"):
        exporter("tvm").export([item], target="aarch64")
    assert not any(item.path.parent.iterdir())


def test_an_unknown_target_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'arm64' is no known target"):
        exporter("tvm").export([layer(tmp_path / "layer.so")], target="arm64")


def test_a_linker_that_finds_no_room_is_no_fault_of_the_network(disk: Disk) -> None:
    disk.fill()
    with pytest.raises(StorageError, match=r"cannot write what g\+\+ makes: No space left on device"):
        exporter("tvm").export([layer(disk.folder / "layer.so")])
    assert [path.name for path in disk.folder.iterdir()] == ["ballast"]
