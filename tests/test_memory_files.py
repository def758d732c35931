"""Files in memory: no disk is too small for them, other programs read them, nothing stays."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from disks import Disk

from edgenas.memory_files import in_memory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems have no files in memory")


def test_they_take_no_room_and_are_read_by_other_programs(disk: Disk) -> None:
    disk.fill()
    for _ in range(2):
        with in_memory(disk.folder, ["large", "empty"]):
            (disk.folder / "large").write_bytes(b"x" * (2 << 20))
            counted = subprocess.run(["wc", "-c", disk.folder / "large"], capture_output=True, check=True)
            assert counted.stdout.startswith(b"2097152")
            assert (disk.folder / "empty").read_bytes() == b""
        assert [path.name for path in disk.folder.iterdir()] == ["ballast"]


def test_no_handle_stays_open(tmp_path: Path) -> None:
    before = os.listdir("/proc/self/fd")
    with pytest.raises(KeyError), in_memory(tmp_path, ["file"]):
        raise KeyError
    assert os.listdir("/proc/self/fd") == before
