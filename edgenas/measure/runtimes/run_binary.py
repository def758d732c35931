"""Runs stand-alone programs, for devices that have no Python.

A program measures itself (see export/exporters/binary.py); a shell script on the device starts one after another, so
that one that crashes takes no other with it. They cannot take turns: `interleave` makes no difference. Predictions are
the program's too, on this machine, through QEMU where it is for another processor.
"""

from __future__ import annotations

import importlib.metadata
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from edgenas.errors import DeviceError, UsageError, missing_extra
from edgenas.files import parse_json
from edgenas.measure import machine
from edgenas.measure.job import Job, Order
from edgenas.measure.process import complete
from edgenas.measure.programs import emulator, fate, processor
from edgenas.text import one_line

FORMAT = "binary"
SUFFIX = ".bin"
EXTRA = "tvm"
SCRIPT = Path(__file__).with_name("programs.sh")
HOST_ONLY = "timeout_s"  # of the protocol: no program knows it
TARGETS = {"aarch64": "aarch64", "armv7l": "armv7", "armv8l": "armv7", "riscv64": "riscv64", "x86_64": "x86-64"}
"""What compilers call the processor that `uname -m` names."""
LONGEST_S = 300.0
"""For one inference; under emulation even a large network takes less."""
FAILED = re.compile(r"failed (\d{1,9}) (\d{1,3}) ?(.*)")


def version() -> str:
    """Of the compiler that makes the programs.

    Raises: UsageError if it is not installed.
    """
    try:
        return importlib.metadata.version("apache-tvm")
    except importlib.metadata.PackageNotFoundError as error:
        raise missing_extra("apache-tvm", EXTRA) from error


def job(order: Order) -> Job:
    """Raises: UsageError for more than one thread; DeviceError for a file that is no program."""
    if order.threads != 1:
        raise UsageError(f"the programs of runtime 'binary' run on one thread, not on {order.threads}",
                         "write threads = 1 in the device's file, or give --threads 1")
    for artifact in order.artifacts:
        processor(artifact.path)
    programs = {f"{index}/program": artifact.path for index, artifact in enumerate(order.artifacts)}
    settings = " ".join(f"{name}={value!r}" for name, value in order.protocol.to_dict().items() if name != HOST_ONLY)
    files = {SCRIPT.name: SCRIPT, machine.SCRIPT.name: machine.SCRIPT} | programs
    return Job(files, ("sh", SCRIPT.name, str(math.ceil(order.protocol.timeout_s)), settings, *programs))


def lines(order: Order, printed: Iterator[str]) -> Iterator[str]:
    """The script's lines as a worker's: facts become the header, numbers the artifacts' ids."""
    facts, other = machine.read_facts(printed)
    if other:
        yield other
        return
    _check_processors(order, facts)
    yield machine.header("binary", version(), facts)
    for line in printed:
        yield _translated(line, order)


def _check_processors(order: Order, facts: dict[str, list[str]]) -> None:
    """Raises: DeviceError for a program that the device could at best emulate."""
    [found] = facts.get("architecture", [""])[:1]
    can_run = {found, "arm"} if found == "aarch64" else {"arm"} if found.startswith("arm") else {found}
    for artifact in order.artifacts:
        wanted = processor(artifact.path)
        if wanted not in can_run:
            raise DeviceError(f"program {artifact.id!r} is for {wanted}, and the device is {one_line(found, 40)}",
                              f'write target = "{TARGETS[found]}" in the device\'s file and export again'
                              if found in TARGETS else
                              "write the device's processor as target in its file and export again")


def _translated(line: str, order: Order) -> str:
    """A line that cannot be understood stays as it is."""
    failed = FAILED.fullmatch(line)
    if failed:
        number: Any = failed[1]
        found: Any = {"error": fate(int(failed[2]), failed[3])}
    else:
        try:
            found = parse_json(line, finite=True)
            number = found.pop("id")
        except (ValueError, AttributeError, TypeError, KeyError):
            return line
    if not (isinstance(number, str) and re.fullmatch(r"\d{1,9}", number) and int(number) < len(order.artifacts)):
        return line
    return json.dumps({"id": order.artifacts[int(number)].id, **found})


class Session:
    """A process for every set of inputs."""

    def __init__(self, path: str, threads: int) -> None:
        if threads != 1:
            raise ValueError(f"the program runs on one thread, not on {threads}")
        self._command = [*emulator(processor(Path(path))), str(Path(path).absolute())]
        said = parse_json(self._run(b"", "--describe"))
        self.inputs, self.outputs = (
            [(str(item["name"]), [int(size) for size in item["shape"]], str(item["dtype"])) for item in said[side]]
            for side in ("inputs", "outputs"))

    def run(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        (_, shape, _), = self.outputs
        logits = parse_json(self._run(arrays[0].astype("<f4").tobytes()))["logits"]
        return [np.array(logits, np.float32).reshape(shape)]

    def prepare(self, arrays: list[np.ndarray]) -> None:
        self._given = arrays[0].astype("<f4").tobytes()

    def invoke(self) -> None:
        self._run(self._given)

    def _run(self, given: bytes, *words: str) -> str:
        done = complete([*self._command, *words], LONGEST_S, given)
        if done.status:
            raise RuntimeError(fate(128 - done.status if done.status < 0 else done.status, done.words))
        return done.said.decode("ascii")
