"""Executable files: which a user chose, for which processor one is, what runs it here, and how it ended."""

from __future__ import annotations

import os
import platform
import shutil
import signal
from pathlib import Path

from edgenas.errors import DeviceError

PROCESSORS = {3: "x86", 40: "arm", 62: "x86_64", 183: "aarch64", 243: "riscv64"}
"""The machines of ELF files, by the names that QEMU and `uname -m` have for them."""


def chosen(name: str, otherwise: str = "") -> str:
    """The program that the user chose as `name`, in EDGENAS_<NAME> of the environment; else `otherwise`, or `name`.

    A device's file names no path of a program: whoever wrote it would have that run here.
    """
    return os.environ.get(f"EDGENAS_{name.upper()}") or otherwise or name


def processor(path: Path) -> str:
    """The processor that a program is for.

    Raises: DeviceError if the file is no program.
    """
    with path.open("rb") as stream:
        head = stream.read(20)
    number = int.from_bytes(head[18:20], "little")
    if head[:4] != b"\x7fELF" or number not in PROCESSORS:
        raise DeviceError(f"{path} is no program", "export it again with --format binary")
    return PROCESSORS[number]


def emulator(wanted: str) -> list[str]:
    """What to write before a program for that processor: nothing where this machine runs it itself.

    Raises: DeviceError if it can neither run nor emulate such a program.
    """
    if wanted == platform.machine():
        return []
    for name in (f"qemu-{wanted}-static", f"qemu-{wanted}"):
        if program := shutil.which(name):
            return [program]
    raise DeviceError(f"the program is for {wanted}, and this machine is {platform.machine()} without an emulator",
                      "apt install qemu-user-static")


def fate(status: int, words: str) -> str:
    """How a program ended, from its exit status in a shell and the end of what it wrote to stderr."""
    number = signal_of(status)
    if number == signal.SIGKILL:
        how = "the program was killed: it took too much time or memory"
    elif number:
        how = f"the program was killed by {signal.Signals(number).name}"
    else:
        how = f"the program ended with exit status {status}"
    return f"{how}: {words}" if words else how


def signal_of(status: int) -> int:
    """The signal that a shell means by an exit status, or 0."""
    return status - 128 if status - 128 in [int(known) for known in signal.Signals] else 0
