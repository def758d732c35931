from __future__ import annotations

import json
import platform
import signal
import subprocess
import sys
from dataclasses import replace
from itertools import chain, repeat

import numpy as np
import pytest

from edgenas.measure import worker
from edgenas.measure.measurement import Measurement
from edgenas.measure.protocol import Protocol


class FakeModel:
    """Each run advances a clock of its own by the next duration (ms); the last one repeats."""

    def __init__(self, *durations_ms: float) -> None:
        self.now_s, self.runs = 0.0, 0
        self.durations_ms = chain(durations_ms, repeat(durations_ms[-1]))

    def clock(self) -> float:
        return self.now_s

    def invoke(self) -> None:
        self.runs += 1
        self.now_s += next(self.durations_ms) / 1e3


class FakeReference:
    def __init__(self, *quiet: bool) -> None:
        self.answers = chain(quiet, repeat(quiet[-1]))

    def quiet(self) -> bool:
        return next(self.answers)


# One warm-up run, then rounds of five samples of 1 ms or more, none looped.
PLAIN = Protocol(warmup_runs=1, warmup_min_s=0, runs=5, round_s=0.001, max_rounds=8, patience_s=100)


def timed(model: FakeModel, protocol: Protocol, *quiet: bool) -> worker.Timer:
    return worker.Timer(model.invoke, model.clock, FakeReference(*quiet or (True,)), protocol.to_dict())


def latency(rounds_ms: list[float], protocol: Protocol = PLAIN, quiet: tuple[bool, ...] = (True,)) -> dict:
    """Of a model whose every run in round i takes `rounds_ms[i]`; its warm-up run as long as the first."""
    runs = [rounds_ms[0], *(value for value in rounds_ms for _ in range(protocol.runs))]
    timer = timed(FakeModel(*runs), protocol, *quiet)
    [result] = worker.measured([{"id": "a", "path": ""}], lambda path: timer, protocol.to_dict())
    return result["latency"]


def test_three_agreeing_rounds_are_enough():
    found = latency([10, 10.2, 10.4])
    assert found == {"min_ms": 10, "median_of_minima_ms": 10.2, "p50_ms": 10.2, "p90_ms": 10.4,
                     "mad_ms": pytest.approx(0.2), "spread": pytest.approx(0.04), "rounds": 3, "runs": 15,
                     "agreed": True}


def test_a_disturbed_round_is_replaced_and_drops_out_of_the_minima():
    found = latency([10, 15, 10.1, 10.2])
    assert (found["rounds"], found["agreed"]) == (4, True)
    assert (found["median_of_minima_ms"], found["spread"]) == (10.1, pytest.approx(0.02))
    assert found["p90_ms"] > 14


def test_rounds_that_never_agree_end_at_the_maximum_and_say_so():
    found = latency([10, 12, 15, 20, 30, 40, 50, 60, 70])
    assert (found["rounds"], found["agreed"], found["median_of_minima_ms"]) == (8, False, 12)


def test_patience_ends_it_sooner():
    found = latency([10, 12, 15, 20, 30, 40, 50, 60], replace(PLAIN, patience_s=0.26))
    assert (found["rounds"], found["agreed"]) == (4, False)


def test_agreeing_rounds_are_doubted_until_one_was_quiet():
    assert latency([10], quiet=(False,) * 7 + (True,))["rounds"] == 4
    never = latency([10], quiet=(False,))
    assert (never["rounds"], never["agreed"], never["median_of_minima_ms"]) == (8, False, 10)


class Preempted(FakeModel):
    """Runs whose processor's time is what is given, and whose wall time is `factor` times as long."""

    def __init__(self, factor: float, *durations_ms: float) -> None:
        super().__init__(*durations_ms)
        self.factor, self.cpu_s = factor, 0.0

    def cpu(self) -> float:
        return self.cpu_s

    def invoke(self) -> None:
        before = self.now_s
        super().invoke()
        self.cpu_s += self.now_s - before
        self.now_s = before + (self.now_s - before) * self.factor


def by_both_clocks(model: Preempted) -> tuple[worker.Timer, dict]:
    timer = worker.Timer(model.invoke, model.clock, FakeReference(True), PLAIN.to_dict(), model.cpu)
    [result] = worker.measured([{"id": "a", "path": ""}], lambda path: timer, PLAIN.to_dict())
    return timer, result["latency"]


def test_the_processors_time_is_taken_where_wall_time_is_longer_and_that_is_said(monkeypatch):
    waits: list[float] = []
    monkeypatch.setattr(worker.time, "sleep", waits.append)
    timer, found = by_both_clocks(Preempted(4.0, 10))
    assert (found["clock"], found["median_of_minima_ms"], found["min_ms"]) == ("cpu", 10, 10)
    assert (found["wall_ms"], found["cpu_ms"], found["agreed"]) == (40, 10, True)
    assert waits == [worker.WAIT_S] * 7 and found["rounds"] == PLAIN.max_rounds  # first it waited and repeated
    assert Measurement.from_dict({**found, "id": "a"}).clock == "cpu"


def test_wall_time_is_taken_where_both_clocks_agree(monkeypatch):
    monkeypatch.setattr(worker.time, "sleep", lambda seconds: pytest.fail("it waited"))
    _, found = by_both_clocks(Preempted(1.04, 10))
    assert (found["clock"], found["median_of_minima_ms"], found["rounds"]) == ("wall", 10.4, 3)
    assert (found["wall_ms"], found["cpu_ms"]) == (10.4, 10)


def test_more_rounds_may_find_an_undisturbed_moment(monkeypatch):
    monkeypatch.setattr(worker.time, "sleep", lambda seconds: None)
    model = Preempted(2.0, 10)
    timer = worker.Timer(model.invoke, model.clock, FakeReference(True), PLAIN.to_dict(), model.cpu)
    once = timer.round

    def round_() -> None:
        model.factor = 2.0 if len(timer.rounds) < 4 else 1.0
        once()

    timer.round = round_
    [result] = worker.measured([{"id": "a", "path": ""}], lambda path: timer, PLAIN.to_dict())
    assert (result["latency"]["clock"], result["latency"]["rounds"]) == ("wall", 7)


def test_patience_is_longer_where_something_disturbs(monkeypatch):
    monkeypatch.setattr(worker.time, "sleep", lambda seconds: None)
    model, protocol = Preempted(4.0, 10), replace(PLAIN, patience_s=0.2).to_dict()
    timer = worker.Timer(model.invoke, model.clock, FakeReference(True), protocol, model.cpu)
    while not timer.done():
        timer.round()
    assert timer.spent_s == pytest.approx(0.6)  # three rounds of five times 40 ms


def several_threads(monkeypatch, others: float | None, run_ms: float, cores: int) -> dict:
    monkeypatch.setattr(worker.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(worker.Load, "other_cores", lambda self: others)
    monkeypatch.setattr(worker.os, "cpu_count", lambda: 4)
    model = FakeModel(run_ms)
    timer = worker.Timer(model.invoke, model.clock, FakeReference(True), PLAIN.to_dict(), cores=cores)
    [result] = worker.measured([{"id": "a", "path": ""}], lambda path: timer, PLAIN.to_dict())
    return result


@pytest.mark.parametrize(("others", "run_ms", "cores"), [
    (0.4, 10, 4), (2.4, 10, 2), (None, 10, 4), (3.0, 2.5, 4), (3.0, 10, 0)])
def test_several_threads_are_timed_where_they_have_room_or_runs_are_short(monkeypatch, others, run_ms, cores):
    assert several_threads(monkeypatch, others, run_ms, cores)["latency"]["median_of_minima_ms"] == run_ms


def test_several_threads_without_room_are_not_timed(monkeypatch):
    found = several_threads(monkeypatch, 3.0, 10, 4)
    assert found["busy"] == "yes" and "a run on 4 threads is too long to be timed" in found["error"]


def test_what_else_the_machine_did_is_known():
    load = worker.Load()
    deadline = worker.time.monotonic() + 0.05
    while worker.time.monotonic() < deadline:
        pass
    state = load.state()
    assert {"load_average", "other_cores", "steal_share"} >= state.keys() >= {"load_average"}
    assert all(value >= 0 for value in state.values())


def test_other_programs_are_told_from_this_one(monkeypatch):
    ticks = worker.os.sysconf("SC_CLK_TCK")
    counts = iter([[0] * 8, [2 * ticks, 0, ticks, 0, 0, 0, 0, ticks], [2 * ticks, 0, ticks, 0, 0, 0, 0, ticks]])
    times = {"monotonic": iter([0.0, 2.0, 2.0]), "process_time": iter([1.0, 2.0])}
    monkeypatch.setattr(worker, "_processor_counts", counts.__next__)
    for name, values in times.items():
        monkeypatch.setattr(worker.time, name, values.__next__)
    assert worker.Load().other_cores() == 1.5  # of four seconds one was its own, in two seconds


def test_a_machine_that_does_not_tell_is_not_called_busy(monkeypatch):
    monkeypatch.setattr(worker, "_text", lambda path: None)
    assert worker.Load().other_cores() is None and worker.Load().state().keys() == {"load_average"}


def test_a_very_short_model_is_run_in_loops():
    model = FakeModel(0.004)
    timer = timed(model, PLAIN)
    assert timer.loops == 13                     # 13 x 4 us are the first to exceed 50 us
    before = model.runs
    timer.round()
    assert model.runs - before == 13 * len(timer.rounds[0])
    assert timer.rounds[0][0] == 0.004
    assert timer.latency()["runs"] == model.runs - before


def test_short_models_fill_the_rounds_time_and_slow_ones_are_bounded():
    protocol = replace(Protocol(), warmup_min_s=0)
    assert timed(FakeModel(1), protocol).samples == 100            # 0.1 s
    assert timed(FakeModel(20), protocol).samples == 20            # the least
    assert timed(FakeModel(100), protocol).samples == 10           # 1 s
    slow = FakeModel(2000)
    assert timed(slow, protocol).samples == 5                      # the very least
    assert slow.runs == 1                                          # one warm-up run is longer than it may be


def test_warm_up_takes_its_runs_and_its_time():
    short, longer = FakeModel(0.1), FakeModel(2)
    timed(short, Protocol())
    timed(longer, Protocol())
    assert short.runs in (500, 501)              # 50 ms
    assert longer.runs == 50


def test_the_first_slow_run_does_not_count():
    assert timed(FakeModel(500, 1), replace(PLAIN, warmup_runs=10, warmup_max_s=1)).samples == 5


def test_interleaved_artifacts_get_equal_rounds_in_turn():
    models = {"a": FakeModel(10), "b": FakeModel(10, *[10] * 5, *[20] * 5, 10)}
    order: list[str] = []

    def load(path: str) -> worker.Timer:
        timer = timed(models[path], PLAIN)
        once = timer.round
        timer.round = lambda: (order.append(path), once())[1]
        return timer

    results = list(worker.measured([{"id": "1", "path": "a"}, {"id": "2", "path": "b"}], load, PLAIN.to_dict()))
    assert order == ["a", "b"] * 4
    assert [(result["id"], result["latency"]["rounds"]) for result in results] == [("1", 4), ("2", 4)]


def test_a_failure_while_loading_or_running_leaves_the_others_alone():
    def load(path: str) -> worker.Timer:
        if path == "unloadable":
            raise ValueError("no\n  model")
        timer = timed(FakeModel(10), PLAIN)
        if path == "unrunnable":
            timer.invoke = lambda: [].pop()
        return timer

    jobs = [{"id": name, "path": name} for name in ("unloadable", "unrunnable", "fine")]
    first, second, third = worker.measured(jobs, load, PLAIN.to_dict())
    assert first == {"id": "unloadable", "error": "ValueError: no model"}
    assert second == {"id": "unrunnable", "error": "IndexError: pop from empty list"}
    assert (third["latency"]["min_ms"], third["latency"]["rounds"]) == (10, 3)


def test_reference_is_quiet_only_near_its_fastest():
    steps = chain([1.0] * 50, [1.04] * 50, [1.2] * 50, [1.2] * 49, [0.9])
    now, calls = 0.0, 0

    def clock() -> float:
        nonlocal now, calls
        calls += 1
        now += next(steps) if calls % 2 == 0 else 0.0
        return now

    reference = worker.Reference(clock, 0.05)
    assert [reference.quiet() for _ in range(4)] == [True, True, False, True]


def test_calibration_finds_the_undisturbed_speed():
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 0.001 if 3 < now < 4 else 0.002
        return now

    disturbed, calibrated = worker.Reference(clock, 0.05), worker.Reference(clock, 0.05)
    assert disturbed.quiet()                     # it knows nothing faster
    calibrated.calibrate(seconds=4)
    assert now > 4 and not calibrated.quiet()


def test_example_input_is_the_same_everywhere_and_fits_the_type():
    values = worker.example_input([2, 3], "float32", seed=0)
    assert values.dtype == np.float32 and values.shape == (2, 3)
    assert values[0, 0] == pytest.approx(0.12573022)       # numpy's first standard normal of seed 0
    whole = worker.example_input([1000], "int8", seed=0)
    assert whole.dtype == np.int8 and whole.min() < -100 and whole.max() > 100


def test_machine_is_described_without_its_name():
    machine = worker.describe_machine()
    assert machine["cores"] >= 1 and machine["cpu"] and machine["memory_gib"] >= 1
    assert set(machine["conditions"]) == {"load_average", "governor", "frequency_mhz", "temperature_c", "free_mib"}
    assert len(machine["id"]) == 12 and machine["id"] == worker.describe_machine()["id"]
    assert platform.node() not in [value for value in machine.values() if isinstance(value, str)]


@pytest.mark.parametrize(("text", "name"), [
    ("processor\t: 0\nmodel name\t: Fast CPU\nprocessor\t: 1\nmodel name\t: Other", "Fast CPU"),
    ("processor: 0\nCPU implementer : 0x41\nCPU part : 0xd08\nModel : Raspberry Pi 4", "Raspberry Pi 4"),
    ("CPU implementer : 0x41\nCPU part : 0xd08", "implementer 0x41 part 0xd08"),
])
def test_processor_is_named_on_every_kind_of_board(monkeypatch, text, name):
    monkeypatch.setattr(worker, "_text", lambda path: text)
    assert worker._cpu_model() == name


def run_worker(runner: str, *names: str) -> subprocess.CompletedProcess[str]:
    job = {"runner": runner, "threads": 1, "protocol": PLAIN.to_dict(), "interleave": False, "options": {},
           "artifacts": [{"id": name, "path": f"{name}.onnx"} for name in names]}
    return subprocess.run([sys.executable, "-P", worker.__file__], input=json.dumps(job), capture_output=True,
                          text=True, timeout=60)


def test_an_accelerator_makes_another_machine(runner):
    path = runner("""
        def describe(): return {"name": "Some GPU", "software": False}
    """)
    machine = json.loads(run_worker(path).stdout)["machine"]
    assert machine["accelerator"] == {"name": "Some GPU", "software": False}
    ids = {worker.describe_machine(accelerator)["id"] for accelerator in (None, {"name": "a"}, {"name": "b"})}
    assert len(ids) == 3 and machine["id"] not in ids
    assert "accelerator" not in worker.describe_machine()


def test_an_accelerator_that_is_not_there_is_why_nothing_runs(runner):
    header = json.loads(run_worker(runner("def describe(): raise RuntimeError('no GPU')"), "a").stdout)
    assert header == {"worker": worker.SCHEMA, "runtime": "mock", "error": "RuntimeError: no GPU"}


def test_stands_alone(runner):
    path = runner("""
        def version():
            return ",".join(sorted({name.split(".")[0] for name in sys.modules} & {"torch", "edgenas", "numpy"}))
    """)
    header = json.loads(run_worker(path).stdout)
    assert (header["worker"], header["runtime"], header["version"]) == (worker.SCHEMA, "mock", "numpy")


def test_nothing_that_a_runtime_prints_gets_between_the_lines(runner):
    path = runner("""
        import ctypes
        print("while importing")
        class Session(Session):
            def invoke(self):
                print("from Python")
                os.write(1, b"from the system")
                ctypes.CDLL(None).puts(b"from C")
                ctypes.CDLL(None).fflush(None)
                os.system("echo from a child")
                time.sleep(1e-3)
    """)
    done = run_worker(path, "a", "b")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line.get("id") for line in lines] == [None, "a", "b"]
    assert all(text in done.stderr for text in ("importing", "from Python", "the system", "from C", "a child"))


def test_a_made_up_clock_is_not_calibrated(runner):
    """It may stand still between runs, and then calibration would never end."""
    path = runner("""
        now = 0.0
        def clock(): return now
        class Session(Session):
            def invoke(self):
                global now
                now += 0.001
    """)
    [_, result] = map(json.loads, run_worker(path, "a").stdout.splitlines())
    assert result["latency"]["min_ms"] == 1


@pytest.mark.parametrize(("code", "error"), [
    ("import no_such_runtime", {"error": "ModuleNotFoundError: No module named 'no_such_runtime'",
                                "missing": "no_such_runtime"}),
    ("1 / 0", {"error": "ZeroDivisionError: division by zero"}),
])
def test_a_runner_that_cannot_start_says_why(runner, code, error):
    header = json.loads(run_worker(runner(code), "a").stdout)
    assert header == {"worker": worker.SCHEMA, "runtime": "mock", **error}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_quietly(runner, number):
    path = runner("def version(): sys.stderr.write('here'); sys.stderr.flush(); time.sleep(60)")
    job = {"runner": path, "threads": 1, "protocol": PLAIN.to_dict(), "interleave": False, "options": {},
           "artifacts": []}
    process = subprocess.Popen([sys.executable, "-P", worker.__file__], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdin.write(json.dumps(job).encode())
    process.stdin.close()
    assert process.stderr.read(4) == b"here"
    process.send_signal(number)
    assert process.wait(10) == 128 + number
    assert process.stdout.read() == process.stderr.read() == b""
    process.stdout.close()
    process.stderr.close()
