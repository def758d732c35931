"""How the process ends: on a signal as on Ctrl-C, and with nothing temporary left behind. Imports nothing heavy."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGHUP)
PREFIX = "edgenas-"
LOCK = ".in-use"
"""In a folder for temporary files; locked for as long as its process lives."""
FORGOTTEN_S = 7 * 24 * 3600.0
"""Age of a folder without such a lock from which nobody is taken to need it."""


def run_ended(run: Callable[[], int]) -> int:
    """What `run` returns. What it leaves of temporary files is removed, and so is what dead processes left.

    SIGTERM and SIGHUP end it as Ctrl-C does, with the exit code of a process that they killed: 143 and 129. A second
    one ends it at once.
    """
    with stopped_by(SIGNALS) as received, scratch():
        code = run()
    return 128 + received[0] if received else code


@contextlib.contextmanager
def stopped_by(signals: tuple[signal.Signals, ...]) -> Iterator[list[int]]:
    """Within, these signals are told and raise KeyboardInterrupt; yields those that came. What ignores one (as under
    nohup) goes on doing so.
    """
    received: list[int] = []
    ours = os.getpid()

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        if os.getpid() != ours:  # a child that was forked off ends without a word
            os.kill(os.getpid(), number)
            return
        received.append(number)
        with contextlib.suppress(OSError):
            os.write(2, f"{signal.Signals(number).name}: stopping\n".encode())
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in signals}
    taken = [number for number, handler in before.items() if handler is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, stop)
    try:
        yield received
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


@contextlib.contextmanager
def scratch() -> Iterator[Path | None]:
    """A folder that all temporary files of this process and of what it starts lie in; None where there can be none."""
    handle, folder, before = None, None, (tempfile.tempdir, os.environ.get("TMPDIR"))
    try:
        with contextlib.suppress(OSError):
            root = Path(tempfile.gettempdir())
            sweep(root)
            folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=root))
            handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
        yield folder
    finally:
        tempfile.tempdir = before[0]
        os.environ.pop("TMPDIR", None)
        if before[1] is not None:
            os.environ["TMPDIR"] = before[1]
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        if handle is not None:
            os.close(handle)


def sweep(root: Path) -> None:
    """Remove the folders that dead processes of this user left in `root`."""
    with contextlib.suppress(OSError):
        for entry in os.scandir(root):
            with contextlib.suppress(OSError):
                if (entry.name.startswith(PREFIX) and entry.is_dir(follow_symlinks=False)
                        and entry.stat(follow_symlinks=False).st_uid == os.getuid() and _is_left(Path(entry.path))):
                    shutil.rmtree(entry.path, ignore_errors=True)


def _is_left(folder: Path) -> bool:
    """Whether nobody uses it. Raises: OSError where that cannot be told."""
    try:
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return time.time() - folder.stat().st_mtime > FORGOTTEN_S
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True
