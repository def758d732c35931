"""Files in memory, for libraries that write to a path and cannot say that the disk is full, or end the process then."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path


@contextlib.contextmanager
def in_memory(folder: Path, names: Sequence[str]) -> Iterator[None]:
    """Within, what is written to these files of a folder goes to memory, where programs that are started read it too;
    then they are gone.

    The files must not be there. Where the system has no such files (all but Linux), they are plain ones.
    """
    handles = [os.memfd_create(name) for name in names] if hasattr(os, "memfd_create") else []
    try:
        for name, handle in zip(names, handles, strict=False):
            (folder / name).symlink_to(f"/proc/{os.getpid()}/fd/{handle}")
        yield
    finally:
        for name in names:
            (folder / name).unlink(missing_ok=True)
        for handle in handles:
            os.close(handle)
