"""Measures model files on the machine where it runs, and prints what it finds as JSON lines.

This one file, a runner (`run_<runtime>.py`), numpy and the runtime are all that a device needs:

    python worker.py < job.json

    job     {"runner": path, "threads": n, "protocol": {...}, "interleave": false, "options": {...},
             "artifacts": [{"id": text, "path": path}, ...]}, in one line
    prints  {"worker": 1, "runtime": name, "version": text, "machine": {...}}
            {"id": text, "latency": {...}}      one line per artifact, as soon as it is measured,
            {"id": text, "error": text}         or why it could not be

A latency may come with "figures": other costs that the runtime tells of the artifact.

The protocol, its numbers coming with the job (see protocol.py, which says what each is):

- Warm-up, bounded by time, which also gives a first estimate of the latency.
- Rounds of samples. A sample is one run, or for a very short model a loop of runs divided by their
  number, so that the clock's resolution and the call's jitter vanish.
- Other programs only ever add time, so the rounds' minima repeat best. More rounds are taken until the
  lowest `rounds` of all minima agree, and the statistics of minima use those: a round that something
  disturbed drops out, wherever it came.
- A neighbour (another guest of the same physical machine, say) can slow a processor down by a third for
  seconds: all rounds then agree, on a wrong figure. So each round stands between two runs of a small
  reference computation, and is quiet if either took no longer than the fastest so far (at the start the
  worker looks for that fastest). More rounds are taken until one of them was quiet: its minimum is then
  among those that agree.
- A run that outlasts a turn of the processor is never undisturbed where other programs run: all rounds agree, on a
  figure several times too long. The processor's time of this thread does not count those. So where a runner computes
  in the calling thread (its `IN_CALLER`), and on one thread, both clocks are read. Where the wall time is longer than
  the processor's by more than `agreement`, the worker waits, takes more rounds, and in the end gives the processor's
  time, which it says: `clock` is "cpu". On several threads there is no such clock: rounds are taken until one had
  enough of the machine's cores to itself; if none had, a run longer than a turn is not measured.
- If rounds or patience run out before, `agreed` is false.
- Artifacts come one after another; with "interleave" all are loaded at once, every round visits each of
  them in turn, and all get the same number of rounds: for comparing them with each other.

Whatever the runtime writes to the standard output, from Python or from C, goes to standard error.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import importlib.util
import json
import math
import os
import platform
import shutil
import signal
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

SCHEMA = 1
TURN_MS = 3.0  # of a run that a scheduler lets through undisturbed, now and then, however many programs run
ROOM = 0.5  # cores that other programs may use of those that a run on several threads wants
WAIT_S = 0.1  # before another round, where something disturbs
WAITS = 3  # times the patience, where something disturbs: more runs have a lower minimum
DIGITS = 9  # of a millisecond: far below any clock's resolution, so that an exact clock gives exact figures


class Busy(Exception):
    """Other programs leave too little of the machine to measure it."""


class Reference:
    """A computation whose time tells whether something slows the processor down: a small matrix product."""

    def __init__(self, clock: Callable[[], float], agreement: float) -> None:
        self.clock, self.agreement = clock, agreement
        self.matrix, self.product = np.ones((48, 48), np.float32), np.empty((48, 48), np.float32)
        self.fastest = math.inf

    def quiet(self) -> bool:
        now = min(self._time() for _ in range(50))
        self.fastest = min(self.fastest, now)
        return now <= self.fastest * (1 + self.agreement)

    def calibrate(self, seconds: float) -> None:
        """Look for an undisturbed moment, which `quiet` needs to have seen."""
        end = self.clock() + seconds
        while self.clock() < end:
            self.quiet()

    def _time(self) -> float:
        start = self.clock()
        np.dot(self.matrix, self.matrix, out=self.product)
        return self.clock() - start


class Load:
    """What else this machine did since an earlier moment."""

    def __init__(self) -> None:
        self.counts, self.own_s, self.began_s = _processor_counts(), time.process_time(), time.monotonic()

    def other_cores(self) -> float | None:
        """How many cores other programs, and other guests of the physical machine, used on average; None if unknown."""
        elapsed_s, now = time.monotonic() - self.began_s, _processor_counts()
        if not now or not self.counts or elapsed_s <= 0:
            return None
        busy_s = sum(now[i] - self.counts[i] for i in (0, 1, 2, 5, 6, 7)) / os.sysconf("SC_CLK_TCK")
        return max(0.0, (busy_s - (time.process_time() - self.own_s)) / elapsed_s)

    def state(self) -> dict[str, float]:
        """`load_average` of the last minute, `other_cores`, and `steal_share`: of the processor's time, what the host
        of this guest gave to others. What cannot be read is missing."""
        found, now, others = {"load_average": os.getloadavg()[0]}, _processor_counts(), self.other_cores()
        if others is not None and (total := sum(now) - sum(self.counts)) > 0:
            found |= {"other_cores": others, "steal_share": max(0, now[7] - self.counts[7]) / total}
        return {name: round(value, 3) for name, value in found.items()}


def _processor_counts() -> list[int]:
    """Ticks in user, nice, system, idle, iowait, irq, softirq and steal time of all cores; empty if not told."""
    words = (_text("/proc/stat") or "").partition("\n")[0].split()[1:9]
    return [int(word) for word in words] if len(words) == 8 and all(word.isdigit() for word in words) else []


class Timer:
    """One loaded artifact, warmed up, and the samples taken of it: milliseconds per run, round by round.

    cpu: the clock of this thread's processor time, where that is the run's. cores: that the run wants to itself, 0 if
    it is not known to want any.
    """

    def __init__(self, invoke: Callable[[], Any], clock: Callable[[], float], reference: Reference,
                 protocol: dict[str, Any], cpu: Callable[[], float] | None = None, cores: int = 0) -> None:
        self.invoke, self.clock, self.reference, self.protocol = invoke, clock, reference, protocol
        self.cpu, self.cores = cpu, cores
        self.reading_s = min(-(cpu() - cpu()) for _ in range(100)) if cpu else 0.0
        self.load = Load() if clock is time.perf_counter else None
        self.rounds: list[list[float]] = []
        self.cpu_rounds: list[list[float]] = []
        self.was_quiet = self.had_room = False
        self.figures: dict[str, float] = {}
        self.spent_s = 0.0
        self.loops = 1
        estimate_ms = self._warm_up()
        self.loops = math.ceil(protocol["sample_us"] / 1e3 / estimate_ms)
        self.samples = self._samples_per_round(estimate_ms * self.loops / 1e3)

    def _warm_up(self) -> float:
        """Run until warm; the fastest run in ms."""
        protocol, start = self.protocol, self.clock()
        fastest, runs, elapsed_s = math.inf, 0, 0.0
        while ((runs < protocol["warmup_runs"] or elapsed_s < protocol["warmup_min_s"])
               and elapsed_s < protocol["warmup_max_s"]):
            fastest = min(fastest, self._sample()[0])
            runs += 1
            elapsed_s = self.clock() - start
        return max(fastest, 10.0 ** -DIGITS)

    def _samples_per_round(self, sample_s: float) -> int:
        protocol = self.protocol
        bounded = max(protocol["min_runs"], min(protocol["runs"], protocol["slow_round_s"] / sample_s))
        return int(max(bounded, protocol["round_s"] / sample_s))

    def _sample(self) -> tuple[float, float]:
        """By the clock, and by the processor's time if that is read."""
        invoke, clock, cpu = self.invoke, self.clock, self.cpu
        began = cpu() if cpu else 0.0
        start = clock()
        for _ in range(self.loops):
            invoke()
        wall_s = clock() - start
        cpu_s = cpu() - began - self.reading_s if cpu else 0.0
        return self._per_run(wall_s), max(self._per_run(cpu_s), 10.0 ** -DIGITS)

    def _per_run(self, seconds: float) -> float:
        return round(seconds * 1e3 / self.loops, DIGITS)

    def round(self) -> None:
        start = self.clock()
        if self.rounds and self.disturbed():
            time.sleep(WAIT_S)
        load, quiet_before = Load(), self.reference.quiet()
        samples = [self._sample() for _ in range(self.samples)]
        self.rounds.append([wall_ms for wall_ms, _ in samples])
        self.cpu_rounds.append([cpu_ms for _, cpu_ms in samples])
        self.was_quiet |= self.reference.quiet() or quiet_before
        if self.cores > 1:
            others = load.other_cores()
            self.had_room |= others is None or others + self.cores <= (os.cpu_count() or 1) + ROOM
        self.spent_s += self.clock() - start

    def disturbed(self) -> bool:
        """Whether wall time cannot be believed: the processor's is shorter, or there was no room for all threads."""
        if self.cpu:
            return bool(self._figure(self.rounds) > self._figure(self.cpu_rounds) * (1 + self.protocol["agreement"]))
        return self.cores > 1 and not self.had_room and self._lowest_minima(self.rounds)[0] > TURN_MS

    def done(self) -> bool:
        if len(self.rounds) < self.protocol["rounds"]:
            return False
        disturbed = self.disturbed()
        exhausted = self.spent_s >= self.protocol["patience_s"] * (WAITS if disturbed else 1)
        return bool(exhausted or self._agreed(self.rounds) and not disturbed)

    def latency(self) -> dict[str, Any]:
        """Raises: Busy if several threads had no room."""
        disturbed = self.disturbed()
        if disturbed and not self.cpu:
            raise Busy(f"other programs kept {self.load.other_cores() if self.load else 0:.1f} of {os.cpu_count()} "
                       f"cores busy, and a run on {self.cores} threads is too long to be timed beside them")
        rounds = self.cpu_rounds if disturbed else self.rounds
        clocks = {"clock": "cpu" if disturbed else "wall", "wall_ms": self._figure(self.rounds),
                  "cpu_ms": self._figure(self.cpu_rounds)} if self.cpu else {}
        return {**summary(rounds, self._lowest_minima(rounds)), "runs": sum(map(len, rounds)) * self.loops,
                "agreed": self._agreed(rounds), **clocks, **({"state": self.load.state()} if self.load else {})}

    def _agreed(self, rounds: list[list[float]]) -> bool:
        minima = self._lowest_minima(rounds)
        return self.was_quiet and bool(minima[-1] / minima[0] - 1 <= self.protocol["agreement"])

    def _figure(self, rounds: list[list[float]]) -> float:
        return statistics.median(self._lowest_minima(rounds))

    def _lowest_minima(self, rounds: list[list[float]]) -> list[float]:
        return sorted(min(samples) for samples in rounds)[:self.protocol["rounds"]]


def summary(rounds: Sequence[Sequence[float]], minima: Sequence[float]) -> dict[str, Any]:
    """Statistics of rounds of samples in ms, and of the lowest of their minima, ascending."""
    samples = [sample for one in rounds for sample in one]
    middle = statistics.median(minima)
    return {
        "min_ms": minima[0],
        "median_of_minima_ms": middle,
        "p50_ms": float(np.percentile(samples, 50)),
        "p90_ms": float(np.percentile(samples, 90)),
        "mad_ms": statistics.median(abs(value - middle) for value in minima),
        "spread": minima[-1] / minima[0] - 1 if minima[0] else math.inf,
        "rounds": len(rounds),
    }


def measured(artifacts: list[dict[str, str]], load: Callable[[str], Timer],
             protocol: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One result per artifact, its rounds taken in turn with those of the others."""
    timers: dict[str, Timer] = {}
    failures: dict[str, dict[str, str]] = {}

    @contextlib.contextmanager
    def noting_failure(key: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            failures[key] = failure(error)
            timers.pop(key, None)

    for artifact in artifacts:
        with noting_failure(artifact["id"]):
            timers[artifact["id"]] = load(artifact["path"])
    for _ in range(protocol["max_rounds"]):
        if all(timer.done() for timer in timers.values()):
            break
        for key, timer in list(timers.items()):
            with noting_failure(key):
                timer.round()
    for key in (artifact["id"] for artifact in artifacts):
        with noting_failure(key):
            found = result(timers[key]) if key in timers else {}
        yield {"id": key, **(failures.get(key) or found)}


def result(timer: Timer) -> dict[str, Any]:
    return {"latency": timer.latency(), **({"figures": timer.figures} if timer.figures else {})}


def failure(error: Exception) -> dict[str, str]:
    text = " ".join(str(error).split())
    known = {"error": f"{type(error).__name__}: {text}"[:1000]}
    if isinstance(error, Busy):
        return {"error": text, "busy": "yes"}
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    return {**known, "missing": missing} if missing else known


def example_input(shape: list[int], dtype: str, seed: int) -> Any:
    """The same standard normal (for integer types: uniform) values on every machine."""
    generator = np.random.default_rng(seed)
    if np.issubdtype(np.dtype(dtype), np.integer):
        limits = np.iinfo(dtype)
        return generator.integers(limits.min, limits.max, size=shape, dtype=dtype, endpoint=True)
    return generator.standard_normal(shape).astype(dtype)


def check_suffix(suffix: str, format: str, path: str) -> None:
    """Raises: ValueError if the file is not of the runner's format."""
    if not path.endswith(suffix):
        raise ValueError(f"{Path(path).name!r} is no {format} file: its name does not end in {suffix!r}")


def load_runner(path: str) -> Any:
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path!r} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_job(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The header, then one result per artifact."""
    header: dict[str, Any] = {"worker": SCHEMA, "runtime": Path(job["runner"]).stem[len("run_"):]}
    try:
        runner = load_runner(job["runner"])
        header.update(version=runner.version(), machine=describe_machine(getattr(runner, "describe", dict)()))
    except Exception as error:
        yield {**header, **failure(error)}
        return
    yield header
    clock = getattr(runner, "clock", time.perf_counter)
    reference = Reference(clock, job["protocol"]["agreement"])
    if job["artifacts"] and clock is time.perf_counter:
        reference.calibrate(job["protocol"]["calibration_s"])

    def load(path: str) -> Timer:
        check_suffix(runner.SUFFIX, runner.FORMAT, path)
        session = runner.Session(path, job["threads"], **job["options"])
        seed = job["protocol"]["seed"]
        session.prepare([example_input(shape, dtype, seed) for _, shape, dtype in session.inputs])
        in_caller = getattr(runner, "IN_CALLER", False) and clock is time.perf_counter
        cpu = time.thread_time if in_caller and job["threads"] == 1 else None
        timer = Timer(session.invoke, clock, reference, job["protocol"], cpu, job["threads"] if in_caller else 0)
        timer.figures = getattr(session, "figures", {})
        return timer

    together = [job["artifacts"]] if job["interleave"] else [[artifact] for artifact in job["artifacts"]]
    for artifacts in together:
        yield from measured(artifacts, load, job["protocol"])


def describe_machine(accelerator: dict[str, Any] | None = None) -> dict[str, Any]:
    """What this machine is, and under `conditions` what it is doing now. None where it cannot be read.

    `id` is made of the parts that do not change: processor, cores, architecture, memory, and the accelerator that
    a runner's `describe` tells of. No host name.
    """
    fixed = {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "architecture": platform.machine(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        **({"accelerator": accelerator} if accelerator else {}),
    }
    frequency_khz = _number("/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq")
    temperature_mc = _number("/sys/class/thermal/thermal_zone0/temp")
    return {
        "id": hashlib.sha256(json.dumps(fixed, sort_keys=True).encode()).hexdigest()[:12],
        **fixed,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "conditions": {
            "load_average": round(os.getloadavg()[0], 2),
            "governor": _text("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
            "frequency_mhz": None if frequency_khz is None else frequency_khz / 1e3,
            "temperature_c": None if temperature_mc is None else temperature_mc / 1e3,
            "free_mib": shutil.disk_usage(".").free // 2**20,
        },
    }


def _cpu_model() -> str:
    """The processor's name; on ARM boards, which give none, the board's or the core's part number."""
    known: dict[str, str] = {}
    for line in (_text("/proc/cpuinfo") or "").splitlines():
        key, _, value = line.partition(":")
        known.setdefault(key.strip(), value.strip())
    part = f"implementer {known.get('CPU implementer')} part {known.get('CPU part')}" if "CPU part" in known else ""
    return (known.get("model name") or known.get("Model") or known.get("Hardware") or part
            or platform.processor() or platform.machine())


def _text(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def _number(path: str) -> float | None:
    try:
        return float(_text(path) or "")
    except ValueError:
        return None


def main() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _: os._exit(128 + received))
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    job = json.loads(sys.stdin.readline())
    gc.disable()
    for line in run_job(job):
        try:
            print(json.dumps(line, allow_nan=False), file=lines, flush=True)
        except BrokenPipeError:
            os._exit(1)
        gc.collect()
    os._exit(0)  # a runtime that crashes while it is torn down has nothing left to spoil


if __name__ == "__main__":
    main()
