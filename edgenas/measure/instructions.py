"""A cost that repeats to the last digit: instructions of one inference, counted by an emulator. It is no latency."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from edgenas.errors import DeviceError, UsageError
from edgenas.files import read_bounded
from edgenas.measure.process import TAIL, complete
from edgenas.measure.programs import fate
from edgenas.text import quoted

CPU = "cortex-a76"
LONGEST_S = 3600.0
"""For a run of the program: emulation is slow."""
RUNS = (2, 10)
"""Inferences in the two runs of the program whose difference is taken."""
SETTINGS = ("calibration_s=1e-9", "warmup_min_s=0", "warmup_max_s=1e9", "sample_us=9e15")
"""A measurement that warms up with a known number of inferences and then ends: a sample would have to be too long."""
ENDED = '{"id": "count", "error": "'


def count(program: Path, qemu: Path, plugin: Path, cpu: str = CPU) -> int:
    """Guest instructions of one inference of an exported program; under 2,000 of them read the clock.

    qemu: `qemu-<processor>` of a QEMU that takes plugins. plugin: one that writes `total COUNT` to the file that its
    argument `out=FILE` names when the program ends.
    Raises: UsageError for files that are not there; DeviceError for a program that fails or is no exported one.
    """
    for path in (program, qemu, plugin):
        if not path.is_file():
            raise UsageError(f"instructions cannot be counted without the file {path}", "give its path")
    few, many = (_total(program, qemu, plugin, cpu, runs) for runs in RUNS)
    return round((many - few) / (RUNS[1] - RUNS[0]))


def _total(program: Path, qemu: Path, plugin: Path, cpu: str, runs: int) -> int:
    """Of a whole run of the program with that many inferences, with the same environment and addresses every time."""
    with tempfile.TemporaryDirectory(prefix="edgenas-") as name:
        folder = Path(name)
        (folder / "plugin.so").symlink_to(plugin.absolute())
        (folder / "program").symlink_to(program.absolute())
        command = ["setarch", "-R", str(qemu.absolute()), "-cpu", cpu, "-seed", "1", "-plugin", "./plugin.so,out=count",
                   "./program", "--bench", "count", f"warmup_runs={runs}", *SETTINGS]
        done = complete(command, LONGEST_S, folder=name, env={})
        if done.status:
            status = 128 - done.status if done.status < 0 else done.status
            raise DeviceError(f"{program.name} could not be counted: {fate(status, done.words[-TAIL:])}")
        counted, said = folder / "count", done.said.decode(errors="replace")
        text = read_bounded(counted, 1 << 16).decode(errors="replace") if counted.is_file() else ""
        total = re.search(r"^total (\d{1,18})$", text, re.MULTILINE)
    if total is None or not said.startswith(ENDED):
        raise DeviceError(f"{program.name} could not be counted: it printed {quoted(said, 80)}",
                          "export it again with --format binary")
    return int(total[1])
