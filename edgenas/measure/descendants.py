"""All that a child process started, found and ended: also what moved to a process group or a session of its own."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import time

ENDING_S = 5.0
"""How long killed processes may take to end."""
VARIABLE = "EDGENAS_CHILD"
"""Holds the marks of all edgenas processes that a process descends from."""
STATE, SESSION, STARTED = 0, 3, 19
"""Of the fields after the name in /proc/PID/stat."""


def marked() -> tuple[str, dict[str, str]]:
    """A new mark, and this process's environment with it, for a child to pass on."""
    mark = secrets.token_hex(16)
    return mark, {**os.environ, VARIABLE: f"{os.environ.get(VARIABLE, '')} {mark}".strip()}


class Descendants:
    """leader: a child that has just been started, in a session of its own. mark: in its environment; may be empty."""

    def __init__(self, leader: int, mark: str) -> None:
        self._leader, self._mark = leader, mark.encode()
        self._since = 0
        with contextlib.suppress(OSError):  # a system without /proc
            self._since = int(_state(leader)[STARTED])

    def end(self) -> None:
        """Kill the leader, its group, its session, and what bears the mark; wait for all but the leader."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._leader, signal.SIGKILL)
        deadline = time.monotonic() + ENDING_S
        while (left := self._running()) and time.monotonic() < deadline:
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)

    def _running(self) -> list[int]:
        """All but the leader; none where the system has no /proc."""
        found = []
        for name in os.listdir("/proc") if os.path.isdir("/proc/self") else ():
            if name.isdigit() and int(name) not in (self._leader, os.getpid()):
                with contextlib.suppress(OSError):
                    if self._is_one(int(name)):
                        found.append(int(name))
        return found

    def _is_one(self, pid: int) -> bool:
        state = _state(pid)
        if state[STATE] == b"Z" or int(state[STARTED]) < self._since:
            return False
        return int(state[SESSION]) == self._leader or bool(self._mark and self._mark in _read(pid, "environ"))


def _state(pid: int) -> list[bytes]:
    return _read(pid, "stat").rpartition(b") ")[2].split()


def _read(pid: int, name: str) -> bytes:
    with open(f"/proc/{pid}/{name}", "rb", buffering=0) as stream:
        return stream.readall()
