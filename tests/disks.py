"""Disks that are really full."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


class Disk:
    """Of 1 MB, at `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, leave: int = 0) -> None:
        """Leave so many bytes."""
        free = os.statvfs(self.folder).f_bavail * os.statvfs(self.folder).f_frsize
        (self.folder / "ballast").write_bytes(bytes(max(0, free - leave)))

    def grow(self) -> None:
        (self.folder / "ballast").unlink()
        subprocess.run(["mount", "-o", "remount,size=32m", self.folder], check=True)


@contextlib.contextmanager
def mounted(folder: Path) -> Iterator[Disk]:
    """Such a disk; the test is skipped where there can be none."""
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", folder], capture_output=True).returncode:
        pytest.skip("file systems cannot be mounted here")
    yield Disk(folder)
    subprocess.run(["umount", "-l", folder], check=True)
