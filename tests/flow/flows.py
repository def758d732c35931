"""Command lines run in this process or in one of its own, and the small runs that several tests share."""

from __future__ import annotations

import contextlib
import functools
import io
import itertools
import json
import multiprocessing
import os
import pkgutil
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from edgenas.cli.app import run
from edgenas.cost.missing import missing_networks
from edgenas.cost.model import blocks_of, networks
from edgenas.cost.network import Network, trace
from edgenas.cost.profile import Header, Profile, profile_path
from edgenas.measure import worker
from edgenas.measure.measurement import Measurement
from edgenas.space import Space, load_space

DIGITS = ("--data", "digits", "--max-images", "300")
MOCK = ("--device", "mock")
NARROW = ("--set", "space.width=0.5", "--set", "space.depth=2")
EPOCHS = ("--search-epochs", "2", "--set", "search.candidates=2", "--train-epochs", "2")
OWN = f"{Path(__file__).with_name('own_space.py')}:network"
OWN_SPACE = ("--space", OWN)
FLOW = (*DIGITS, *MOCK, *OWN_SPACE, *EPOCHS, "--latency-ms", "85%")
QUICK = (*DIGITS, *MOCK, *OWN_SPACE, "--strategy", "random", "--train-epochs", "1")


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found

    def refused(self, code: int, *words: str) -> str:
        """Assert that the command failed with one clear sentence that has all `words`; returns it and its hint."""
        assert self.code == code, (self.code, self.err)
        lines = self.err.splitlines()
        starts = [i for i, line in enumerate(lines) if line.startswith("error: ")]
        assert len(starts) == 1, self.err
        said = lines[starts[0]:]
        assert len(said) == 1 or (len(said) == 2 and said[1].startswith("  try: ")), self.err
        assert "Traceback" not in self.err
        text = "\n".join(said)
        for word in words:
            assert word in text, (word, text)
        return text


def edgenas(*arguments: object) -> Result:
    """One command line in this process, as the process would have got it."""
    given = [str(a) for a in arguments]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), \
            mock.patch.object(sys, "argv", ["edgenas", *given]):
        code = run(given)
    return Result(code, out.getvalue(), err.getvalue())


def succeed(*arguments: object) -> Result:
    result = edgenas(*arguments)
    assert result.code == 0, result.err
    return result


@dataclass(frozen=True)
class Signal:
    """What a process does to itself right after its `times`-th call of `function`, e.g. `module:Class.method`."""

    number: signal.Signals
    function: str
    times: int = 1

    def arm(self) -> None:
        path, _, name = self.function.rpartition("." if "." in self.function.partition(":")[2] else ":")
        owner = pkgutil.resolve_name(path)
        original, calls = getattr(owner, name), itertools.count(1)

        def signalling(*args: Any, **options: Any) -> Any:
            result = original(*args, **options)
            if next(calls) == self.times:
                os.kill(os.getpid(), self.number)
            return result

        setattr(owner, name, signalling)


def _process(arguments: list[str], log: str, signalled: Signal | None) -> None:
    for number, name in ((2, log), (1, f"{log}.out")):
        with open(name, "wb") as stream:
            os.dup2(stream.fileno(), number)
    torch.set_num_threads(1)
    if signalled:
        signalled.arm()
    code = run(arguments)
    sys.stdout.flush()
    sys.exit(code)


class Process:
    """A command line in a process of its own, which need not import PyTorch again."""

    def __init__(self, log: Path, *arguments: object, signalled: Signal | None = None) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["flow.preloaded"])
        self.log = log
        self.process = context.Process(target=_process, args=([str(a) for a in arguments], str(log), signalled))
        self.process.start()

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    def until(self, condition: Callable[[], object]) -> None:
        """Wait until `condition` holds; the process must not end before."""
        end = time.monotonic() + 120
        while not condition():
            assert self.process.is_alive(), self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.002)

    def said(self, text: str) -> bool:
        return self.log.exists() and text in self.log.read_text()

    def children(self) -> list[int]:
        listed = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        return [int(pid) for pid in listed.read_text().split()]

    def interrupt(self) -> None:
        os.kill(self.pid, signal.SIGINT)

    def ended(self) -> Result:
        self.process.join(120)
        assert self.process.exitcode is not None
        return Result(self.process.exitcode, Path(f"{self.log}.out").read_text(), self.log.read_text())


def mock_latency_ms(network: Network) -> float:
    """What the mock runtime's formula gives for the exported network, nearly: one node for an activation as well."""
    nodes = len(network.operators) + sum("relu" in op.detail for op in network.operators)
    return 0.02 + 0.004 * nodes + network.macs / 2e6


def exact(latency_ms: float) -> Measurement:
    return Measurement("made up", min_ms=latency_ms, median_of_minima_ms=latency_ms, p50_ms=latency_ms,
                       p90_ms=latency_ms, mad_ms=0.0, spread=0.0, rounds=3, runs=60, agreed=True)


def write_profile(folder: Path, space: Space, scale: float = 1.0) -> Path:
    """A complete profile of the mock device, its latencies `scale` times the true ones."""
    header = Header(device="mock", runtime="mock", runtime_version="1", threads=1, machine=worker.describe_machine())
    profile = Profile.create(profile_path("mock", "mock", 1, folder=folder), header)
    for network in networks(space).values():
        if network is not None and network.signature not in profile.blocks:
            profile.add_block(network.signature, exact(scale * mock_latency_ms(network)))
    for signature, architecture in missing_networks(space, profile).items():
        whole = trace(space.build(architecture), space.input_shape)
        profile.add_network(signature, blocks_of(space, architecture), exact(scale * mock_latency_ms(whole)))
    return profile.path


def own_space() -> Space:
    return load_space(OWN, (1, 8, 8), 10)


@dataclass(frozen=True)
class Finished:
    """A run that must not be changed, and what its command printed."""

    folder: Path
    profiles: Path
    result: Result


@functools.cache
def _base() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="edgenas-tests-")


@functools.cache
def finished() -> Finished:
    """The whole flow on the mock device with a latency budget."""
    base = Path(_base().name) / "latency"
    write_profile(base / "profiles", own_space())
    result = edgenas("run", *FLOW, "--profiles", base / "profiles", "--out", base / "run", "--json")
    return Finished(base / "run", base / "profiles", result)


@functools.cache
def counted() -> Finished:
    """The whole flow with budgets that no measurement is needed for, of a random network."""
    base = Path(_base().name) / "counted"
    result = edgenas("run", *QUICK, "--budget", "macs=69%", "--budget", "peak_memory_kib=26", "--profiles",
                     base / "profiles", "--out", base / "run", "--json")
    return Finished(base / "run", base / "profiles", result)


def copied(run: Finished, to: Path) -> Path:
    return Path(shutil.copytree(run.folder, to))


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder by its relative path, hidden ones included."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
