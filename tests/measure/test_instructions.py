from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import torch

from edgenas.errors import DeviceError, UsageError
from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.measure.instructions import count

PLUGIN = Path(os.environ.get("EDGENAS_BOARD_ICOUNT", "/var/tmp/board/icount"), "libicount.so")


@pytest.fixture
def qemu() -> Path:
    found = shutil.which("qemu-aarch64")
    if not found or not PLUGIN.is_file():
        pytest.skip(f"instructions are counted by qemu-aarch64 (apt install qemu-user) with the plugin {PLUGIN} "
                    "(icount/build.sh; EDGENAS_BOARD_ICOUNT)")
    return Path(found)


@pytest.fixture(scope="module")
def programs(tmp_path_factory) -> list[Path]:
    """Convolutions of 8, 16 and 32 channels for aarch64."""
    folder = tmp_path_factory.mktemp("programs")
    files = [folder / f"{channels}.bin" for channels in (8, 16, 32)]
    nets = [torch.nn.Conv2d(3, channels, 3, padding=1).eval() for channels in (8, 16, 32)]
    exporter("binary").export([Export(net, torch.zeros(1, 3, 12, 12), file)
                               for net, file in zip(nets, files, strict=True)], target="aarch64")
    return files


@pytest.mark.board
def test_counts_repeat_to_the_last_digit_and_grow_with_the_work(programs, qemu):
    first, again = ([count(program, qemu, PLUGIN) for program in programs] for _ in range(2))
    assert first == again
    # Four products in an instruction, and a load or a store for about each.
    macs = [3 * 9 * channels * 144 for channels in (8, 16, 32)]
    assert all(each / 8 < found < each * 2 for found, each in zip(first, macs, strict=True))
    assert first[2] - first[1] == pytest.approx(2 * (first[1] - first[0]), rel=0.05)


@pytest.mark.board
def test_another_program_cannot_be_counted(tmp_path, qemu):
    other = tmp_path / "other.bin"
    other.write_text("#!/bin/sh\n")
    with pytest.raises(DeviceError, match="other.bin could not be counted: the program ended with exit status"):
        count(other, qemu, PLUGIN)


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(UsageError, match="instructions cannot be counted without the file .*nonesuch"):
        count(tmp_path / "nonesuch", Path("/bin/sh"), Path("/bin/sh"))
