"""The program's own C files, called from here: each must do what worker.py does."""

from __future__ import annotations

import ctypes
import hashlib
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from itertools import chain, repeat
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgenas.export.native.compiler import NATIVE
from edgenas.export.native.library_header import library_header
from edgenas.export.native.source import UNUSED
from edgenas.export.package.contents import Sidecar, TensorSpec
from edgenas.measure import worker
from edgenas.measure.protocol import Protocol

NAMES = [name for name in Protocol().to_dict() if name != UNUSED]
STATISTICS = ["min_ms", "median_of_minima_ms", "p50_ms", "p90_ms", "mad_ms", "spread", "rounds", "runs"]
PLAIN = Protocol(warmup_runs=1, warmup_min_s=0, runs=5, round_s=0.001, max_rounds=8, patience_s=100)

NOW = ctypes.CFUNCTYPE(ctypes.c_double)
RUN = ctypes.CFUNCTYPE(ctypes.c_void_p)  # ctypes cannot give a text back
QUIET = ctypes.CFUNCTYPE(ctypes.c_int)
WAIT = ctypes.CFUNCTYPE(None, ctypes.c_double)
WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror"]


class Numbers(ctypes.Structure):
    _fields_ = [(name, ctypes.c_double) for name in NAMES]


class Subject(ctypes.Structure):
    _fields_ = [("now", NOW), ("cpu", NOW), ("wait", WAIT), ("run", RUN), ("quiet", QUIET)]


class Latency(ctypes.Structure):
    _fields_ = [*((name, ctypes.c_double) for name in (*STATISTICS, "wall_ms", "cpu_ms")),
                *((name, ctypes.c_int) for name in ("agreed", "by_both", "by_cpu"))]


class Model:
    """Each run advances a clock of its own by the next duration (ms); the last one repeats. So do the answers.

    shares: of each run's time, what the processor worked for it; the last one repeats. Without, there is no such clock.
    """

    def __init__(self, durations_ms: list[float], quiet: list[bool], shares: list[float] | None = None) -> None:
        self.now_s, self.cpu_s, self.runs, self.waits = 0.0, 0.0, 0, list[float]()
        self.shares = chain(shares, repeat(shares[-1])) if shares else None
        self.durations_ms = chain(durations_ms, repeat(durations_ms[-1]))
        self.answers = chain(quiet, repeat(quiet[-1]))

    def clock(self) -> float:
        return self.now_s

    def invoke(self) -> None:
        self.runs += 1
        passed_s = next(self.durations_ms) / 1e3
        self.now_s += passed_s
        self.cpu_s += passed_s * next(self.shares) if self.shares else 0.0

    def cpu(self) -> float:
        return self.cpu_s

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now_s += seconds

    def quiet(self) -> bool:
        return next(self.answers)


@pytest.fixture(scope="session")
def library(tmp_path_factory) -> ctypes.CDLL:
    assert shutil.which("gcc")
    path = tmp_path_factory.mktemp("native") / "native.so"
    sources = [NATIVE / f"{name}.c" for name in ("json", "sha256", "timer", "reference", "normal")]
    subprocess.run(["gcc", "-std=c99", "-D_POSIX_C_SOURCE=200809L", "-O2", "-shared", "-fPIC", *WARNINGS,
                    *map(str, sources), "-lm", "-o", str(path)], check=True)
    found = ctypes.CDLL(str(path))
    found.measure.restype = ctypes.c_char_p
    found.calibrate.argtypes = [ctypes.c_double, ctypes.c_double, NOW]
    found.fill_normal.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint64]
    return found


def measured(library: ctypes.CDLL, protocol: Protocol, model: Model,
             run: Callable[[], int | None] | None = None) -> dict[str, float] | str:
    """What the program's timer finds of the model, or its error."""
    numbers = Numbers(**{name: getattr(protocol, name) for name in NAMES})
    latency = Latency()
    subject = Subject(NOW(model.clock), NOW(model.cpu) if model.shares else NOW(), WAIT(model.wait),
                      RUN(run or model.invoke), QUIET(model.quiet))
    error = library.measure(ctypes.byref(numbers), ctypes.byref(subject), ctypes.byref(latency))
    if error:
        return str(error.decode())
    both = {"wall_ms": latency.wall_ms, "cpu_ms": latency.cpu_ms, "by_cpu": bool(latency.by_cpu)}
    return ({name: getattr(latency, name) for name in STATISTICS} | {"agreed": bool(latency.agreed)}
            | (both if latency.by_both else {}))


def by_worker(protocol: Protocol, model: Model) -> dict[str, float]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker.time, "sleep", model.wait)
        timer = worker.Timer(model.invoke, model.clock, model, protocol.to_dict(),  # type: ignore[arg-type]
                             model.cpu if model.shares else None)
        [found] = worker.measured([{"id": "a", "path": ""}], lambda path: timer, protocol.to_dict())
    latency: dict[str, float] = found["latency"]
    return latency | ({"by_cpu": latency.pop("clock") == "cpu"} if model.shares else {})  # type: ignore[comparison-overlap]


durations = st.lists(st.floats(0.004, 40) | st.sampled_from([0.01, 1.0, 1.02, 10.0]), min_size=1, max_size=60)
protocols = st.builds(Protocol, warmup_runs=st.integers(1, 20), warmup_min_s=st.floats(0, 0.05),
                      warmup_max_s=st.floats(0.001, 0.3), rounds=st.integers(1, 4), max_rounds=st.integers(4, 10),
                      patience_s=st.floats(0.001, 1), agreement=st.floats(0.001, 0.5), runs=st.integers(1, 10),
                      min_runs=st.integers(1, 5), round_s=st.floats(0.0001, 0.02), slow_round_s=st.floats(0.001, 0.2),
                      sample_us=st.floats(1, 200))


shares_of_time = st.none() | st.lists(st.floats(0.05, 1) | st.sampled_from([1.0, 0.97, 0.5]), min_size=1, max_size=60)


@given(protocols, durations, st.lists(st.booleans(), min_size=1, max_size=8), shares_of_time)
def test_the_timer_finds_what_the_worker_finds(library, protocol: Protocol, durations_ms: list[float],
                                               quiet: list[bool], shares: list[float] | None) -> None:
    here, there = Model(durations_ms, quiet, shares), Model(durations_ms, quiet, shares)
    assert measured(library, protocol, here) == pytest.approx(by_worker(protocol, there), rel=1e-9, abs=1e-12)
    assert (here.runs, here.waits) == (there.runs, there.waits)


def test_the_processor_s_time_is_taken_where_wall_time_is_longer_and_that_is_said(library) -> None:
    model = Model([40.0], [True], [0.25])
    found = measured(library, PLAIN, model)
    assert isinstance(found, dict) and found["by_cpu"] and found["agreed"]
    assert (found["wall_ms"], found["cpu_ms"], found["median_of_minima_ms"]) == (40, 10, 10)
    assert model.waits == [worker.WAIT_S] * (PLAIN.max_rounds - 1)
    calm = measured(library, PLAIN, Model([10.4], [True], [0.97]))
    assert isinstance(calm, dict) and not calm["by_cpu"] and calm["median_of_minima_ms"] == 10.4


def test_a_disturbed_round_drops_out(library) -> None:
    found = measured(library, PLAIN, Model([10.0] * 6 + [15.0] * 5 + [10.1] * 5 + [10.2] * 5, [True]))
    assert isinstance(found, dict)
    assert (found["rounds"], found["median_of_minima_ms"], found["agreed"]) == (4, 10.1, True)


def test_a_run_that_fails_ends_it_with_its_reason(library) -> None:
    model, reason = Model([10.0], [True]), ctypes.create_string_buffer(b"no memory")

    def run() -> int | None:
        model.invoke()
        return ctypes.addressof(reason) if model.runs == 9 else None

    assert measured(library, PLAIN, model, run) == "no memory"
    assert model.runs == 9


def test_a_clock_that_stands_still_is_an_error(library) -> None:
    protocol = replace(PLAIN, sample_us=1e-3, round_s=1e-9)
    assert measured(library, protocol, Model([0.0], [True])) == "the clock stood still during a sample"


@pytest.mark.parametrize("protocol", [replace(PLAIN, sample_us=1e9), replace(PLAIN, round_s=1e9)])
def test_a_protocol_that_never_ends_is_refused(library, protocol: Protocol) -> None:
    assert "more than 1e9" in measured(library, protocol, Model([1e-5], [True]))


def test_the_reference_is_quiet_only_near_its_fastest(library) -> None:
    steps = chain([1.0] * 50, [1.04] * 50, [1.06] * 50, [1.2] * 49, [0.9])
    now, calls = 0.0, 0

    def clock() -> float:
        nonlocal now, calls
        calls += 1
        now += next(steps) if calls > 2 and calls % 2 == 0 else 0.0
        return now

    kept = NOW(clock)
    library.calibrate(0.05, 0.0, kept)
    assert calls == 2
    assert [library.quiet() for _ in range(4)] == [1, 1, 0, 1]


def test_calibration_finds_the_undisturbed_speed(library) -> None:
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 0.001 if 3 < now < 4 else 0.002
        return now

    kept = NOW(clock)
    library.calibrate(0.05, 4.0, kept)
    assert now > 4
    assert not library.quiet()


@given(st.text(st.characters(min_codepoint=1, max_codepoint=126), max_size=300))
def test_sha256(library, text: str) -> None:
    found = ctypes.create_string_buffer(65)
    library.sha256(text.encode(), found)
    assert found.value.decode() == hashlib.sha256(text.encode()).hexdigest()


def test_the_input_is_standard_normal_and_of_its_seed(library) -> None:
    def values(seed: int) -> np.ndarray:
        found = np.empty(20000, np.float32)
        library.fill_normal(found.ctypes.data, len(found), seed)
        return found

    first = values(0)
    assert abs(first.mean()) < 0.03
    assert abs(first.std() - 1) < 0.03
    assert 3 < np.abs(first).max() < 6
    assert np.array_equal(first, values(0))
    assert abs(np.corrcoef(first, values(1))[0, 1]) < 0.03


def test_nothing_in_the_sources_draws_a_warning(tmp_path: Path) -> None:
    spec = TensorSpec(name="a", shape=(1, 2), dtype="float32")
    beside = Sidecar(inputs=(spec,), outputs=(spec,), operators={}, target="host")
    (tmp_path / "network.h").write_text(library_header("a_c.so", beside, images=True), encoding="utf-8")
    for source in sorted(NATIVE.rglob("*.c")):
        if not source.stem.startswith("lib") or source.parent.name != "decoders":  # those: test_native_images.py
            subprocess.run(["gcc", "-std=c99", "-D_POSIX_C_SOURCE=200809L", "-O2", *WARNINGS, f"-I{tmp_path}",
                            "-c", str(source), "-o", str(tmp_path / "object.o")], check=True)
