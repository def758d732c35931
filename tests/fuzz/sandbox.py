"""One command line in a forked process with bounds, in a folder of its own; what came of it."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

WALL_S = 120.0
"""After so long a call is killed; other work on the machine counts too."""
ADDRESS_SPACE = 6 << 30
"""Bytes above what the process has when it starts."""
OUTPUT = 64 << 20
"""Bytes of any file that a call may write."""


@dataclass(frozen=True)
class Outcome:
    """status: the exit code, or minus a signal's number. seconds: of processor time. grown: bytes by which the memory
    grew at most. left: what should not be there any more: temporary files, processes."""

    status: int
    out: str
    err: str
    seconds: float
    grown: int
    left: tuple[str, ...]


def new_folder() -> Path:
    """A folder for one call, with an empty place for temporary files and a home."""
    folder = Path(tempfile.mkdtemp(prefix="edgenas-fuzz-"))
    for name in ("tmp", "home"):
        (folder / name).mkdir()
    return folder


def called(arguments: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> Outcome:
    """What `edgenas ARGUMENTS` does in `folder`, which the caller removes.

    This process must have one thread only: it is forked, so that PyTorch need not be imported again.
    """
    def work() -> int:
        from edgenas.cli.app import run

        return run(arguments)

    return forked(work, folder, environment)


def forked(work: Callable[[], int], folder: Path, environment: Mapping[str, str] | None = None) -> Outcome:
    before = _memory()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        _child(work, folder, environment or {})
    status, usage = _awaited(pid)
    left = (*_processes(pid), *(str(p.relative_to(folder)) for p in sorted((folder / "tmp").iterdir())),
            *(str(p.relative_to(folder)) for p in folder.rglob(".*.????????*") if "home" not in p.parts))
    return Outcome(status, _text(folder / "home/out"), _text(folder / "home/err"), usage.ru_utime + usage.ru_stime,
                   usage.ru_maxrss * 1024 - before, left)


def _child(work: Callable[[], int], folder: Path, environment: Mapping[str, str]) -> None:
    """Never returns."""
    status = 99
    try:
        os.setsid()
        os.chdir(folder)
        for number, name in ((0, os.devnull), (1, folder / "home/out"), (2, folder / "home/err")):
            handle = os.open(name, os.O_RDWR | os.O_CREAT)
            os.dup2(handle, number)
            os.close(handle)
        sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")  # whatever captured them
        os.environ.update({"TMPDIR": str(folder / "tmp"), "HOME": str(folder / "home"),
                           "XDG_DATA_HOME": str(folder / "home/data"), "HF_HUB_OFFLINE": "1",
                           "EDGENAS_PROFILES": str(folder / "home/profiles"), **environment})
        tempfile.tempdir = None
        resource.setrlimit(resource.RLIMIT_AS, (_memory("VmSize") + ADDRESS_SPACE,) * 2)
        resource.setrlimit(resource.RLIMIT_FSIZE, (OUTPUT,) * 2)
        status = work()
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 97
    except BaseException:
        import traceback

        traceback.print_exc()
        status = 98
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _awaited(pid: int) -> tuple[int, resource.struct_rusage]:
    end = time.monotonic() + WALL_S
    while True:
        ended, status, usage = os.wait4(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status), usage
        if time.monotonic() > end:
            os.kill(pid, signal.SIGKILL)
            end += WALL_S
        time.sleep(0.002)


def _processes(session: int) -> list[str]:
    """Processes that the call left behind; they are ended."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, owner = path.read_text(errors="replace").rpartition(") ")[2].split()[:4]
            if int(owner) == session and state != "Z":
                found.append(f"process {(path.parent / 'comm').read_text().strip()}")
                os.kill(int(path.parent.name), signal.SIGKILL)
        except OSError:
            continue
    return found


def _memory(field: str = "VmRSS") -> int:
    """Bytes that this process has."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


def _text(path: Path) -> str:
    if not path.exists():
        return ""
    with path.open("rb") as stream:
        return stream.read(OUTPUT).decode(errors="surrogateescape")


def removed(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
