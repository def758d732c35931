"""A job's files in one stream."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import IO

from edgenas.errors import UsageError
from edgenas.measure.job import Job

BLOCK = 4096
"""Bytes; what the smallest file takes on most disks."""


def pack(job: Job, into: IO[bytes]) -> int:
    """Write a tar archive of the job's files under `job/`, and of what it reads as `stdin`; its size on a disk in KiB.

    Files keep their executable bit.
    Raises: UsageError naming a file that cannot be read.
    """
    stdin = job.stdin.encode()
    blocks = _blocks(len(stdin))
    with tarfile.open(fileobj=into, mode="w", format=tarfile.GNU_FORMAT) as archive:
        archive.addfile(_entry("stdin", len(stdin), 0o600), io.BytesIO(stdin))
        top = _entry("job", 0, 0o700)
        top.type = tarfile.DIRTYPE
        archive.addfile(top)
        for name, source in job.files.items():
            blocks += _add(archive, f"job/{name}", source)
    return blocks * BLOCK // 1024


def _add(archive: tarfile.TarFile, name: str, source: Path) -> int:
    try:
        with source.open("rb") as stream:
            state = source.stat()
            archive.addfile(_entry(name, state.st_size, 0o700 if state.st_mode & 0o100 else 0o600), stream)
            return _blocks(state.st_size)
    except OSError as error:
        raise UsageError(f"cannot read {source}: {error.strerror or error}") from error


def _entry(name: str, size: int, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, mode
    return entry


def _blocks(size: int) -> int:
    return 1 + size // BLOCK
