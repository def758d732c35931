"""Locks between processes: of a profile that is written, of a device that is measured. They end with their holder."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from edgenas.errors import StorageError
from edgenas.files import unwritable, user_folder
from edgenas.text import one_line

PAUSE_S = 0.2
"""Between two looks at a lock that another process holds."""
LONGEST = 200
"""Bytes of what its holder says."""
Say = Callable[[str], None]


def to_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@dataclass
class _Own:
    """What this process has of a lock: its threads take turns, and the one that has it may take it again."""

    turn: threading.RLock = field(default_factory=threading.RLock)
    depth: int = 0
    handle: int | None = None


_OWN: dict[Path, _Own] = {}


@contextlib.contextmanager
def locked(path: Path, doing: str, say: Say = to_stderr) -> Iterator[None]:
    """Hold the lock whose file is `path`; wait, and say for whom, while another process holds it.

    doing: what the holder does, as others are told ("measures on host"). Where no such file can be made there is no
    lock: what cannot be written there, nobody writes.
    """
    own = _OWN.setdefault(path.absolute(), _Own())
    with own.turn:
        if own.depth == 0:
            own.handle = _acquired(path, doing, say)
        own.depth += 1
        try:
            yield
        finally:
            own.depth -= 1
            if own.depth == 0 and own.handle is not None:
                path.unlink(missing_ok=True)
                os.close(own.handle)


def device_lock(device: str, *, is_local: bool) -> Path:
    """The lock of whoever measures on a device; what is this machine is one device by whatever name."""
    return user_folder("profiles") / (".this-machine.lock" if is_local else f".{device}.lock")


def _acquired(path: Path, doing: str, say: Say) -> int | None:
    told = ""
    while (handle := _opened(path)) is not None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = one_line(os.read(handle, LONGEST).decode(errors="replace")) or "another process"
            os.close(handle)
            if holder != told:
                say(f"waiting for {holder}")
                told = holder
            time.sleep(PAUSE_S)
        except OSError:  # a file system without locks
            os.close(handle)
            return None
        else:
            if _is_at(handle, path):
                os.write(handle, f"process {os.getpid()}, which {doing}"[:LONGEST].encode())
                return handle
            os.close(handle)  # its last holder took the file away
    return None


def _opened(path: Path) -> int | None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
    except OSError:
        return None


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except OSError:
        return False


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[BinaryIO]:
    """The file at `path`, open for reading and writing, while no other process has it so; for a moment only.

    Raises: StorageError where it cannot be opened.
    """
    with _exclusive(path) as stream:
        yield stream


def _exclusive(path: Path) -> BinaryIO:
    while True:
        try:
            stream = path.open("r+b")
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(stream, fcntl.LOCK_EX)
        except OSError as error:
            raise unwritable(path, error) from error
        if _is_at(stream.fileno(), path):
            return stream
        stream.close()
        if not path.exists():
            raise StorageError(f"{path} was deleted meanwhile", "run the same command again")
