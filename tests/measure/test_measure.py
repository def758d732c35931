from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from edgenas.errors import DeviceError, UsageError
from edgenas.measure import worker
from edgenas.measure.device import Device, load_device
from edgenas.measure.job import Artifact
from edgenas.measure.measure import measure, probe
from edgenas.measure.protocol import Protocol
from edgenas.measure.transport import Transport

RUNTIMES = ("onnxruntime", "litert", "tvm", "mock")


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_every_runtime_measures_its_artifacts_as_they_come(host, runtime, network_file, brief):
    found = measure(host, runtime, [Artifact("a", network_file), Artifact("b", network_file)], protocol=brief)
    first = next(found)
    assert first.id == "a" and first.threads == 1 and first.runs >= 15
    assert [second.id for second in found] == ["b"]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_corrupt_artifact_is_named_with_what_the_runtime_said(host, runtime, network_file, tmp_path, brief):
    bad = tmp_path / f"bad{network_file.suffix}"
    bad.write_bytes(network_file.read_bytes()[:200])
    bad.with_name(f"{bad.name}.json").write_text('{"inputs": [], "outputs": []}')
    with pytest.raises(DeviceError, match=f"^'broken' could not be measured with {runtime} on host: {runtime} said:"):
        list(measure(host, runtime, [Artifact("broken", bad)], protocol=brief))


def test_an_artifact_of_another_format_is_refused(host, onnx_file, brief):
    with pytest.raises(DeviceError, match="'net.onnx' is no tflite file: its name does not end in '.tflite'"):
        list(measure(host, "litert", [Artifact("a", onnx_file)], protocol=brief))


def test_a_library_without_its_signature_is_refused(host, tvm_file, tmp_path, brief):
    alone = tmp_path / "net.so"
    alone.write_bytes(tvm_file.read_bytes())
    with pytest.raises(DeviceError, match="the signature 'net.so.json' is missing beside the library"):
        list(measure(host, "tvm", [Artifact("a", alone)], protocol=brief))


def test_mock_repeats_to_the_last_digit(onnx_file):
    mock = load_device("mock")
    artifacts = [Artifact("a", onnx_file), Artifact("b", onnx_file)]
    alone = list(measure(mock, "mock", artifacts[1:]))
    assert list(measure(mock, "mock", artifacts))[1:] == alone
    assert list(measure(mock, "mock", artifacts, interleave=True))[1:] == alone
    # Conv, Relu, GlobalAveragePool and Flatten; the convolution has 4 x 8 x 8 outputs of 3 x 3 x 3 products.
    latency_ms = 0.02 + 4 * 0.004 + 4 * 64 * 27 / 2e6
    assert alone[0].min_ms == alone[0].p90_ms == pytest.approx(latency_ms, rel=1e-12)
    assert alone[0].agreed and alone[0].spread == 0


def test_probe_says_version_and_machine(host):
    import onnxruntime
    conditions = probe(host, "onnxruntime")
    assert (conditions.runtime, conditions.version) == ("onnxruntime", onnxruntime.__version__)
    assert conditions.machine["id"] == worker.describe_machine()["id"]


def test_no_artifacts_are_measured_without_a_worker(host, monkeypatch):
    monkeypatch.setattr("edgenas.measure.measure.open_transport", lambda device: pytest.fail("a worker started"))
    assert list(measure(host, "mock", [])) == []


@pytest.mark.parametrize(("runtime", "names", "options", "message"), [
    ("litter", ["a"], {}, "'litter' is no known runtime of device 'host'"),
    ("mock", ["a", "a"], {}, "two artifacts have the id 'a'"),
    ("mock", ["a"], {"threads": 0}, "threads is 0; it must be at least 1"),
    ("mock", ["missing"], {}, "artifact 'missing' is no file"),
])
def test_wrong_use_is_refused_at_once(host, onnx_file, runtime, names, options, message):
    artifacts = [Artifact(name, Path("missing.onnx") if name == "missing" else onnx_file) for name in names]
    with pytest.raises(UsageError, match=message):
        measure(host, runtime, artifacts, **options)


def test_a_missing_runtime_says_what_to_install(host, runner, onnx_file):
    runner("def version(): import onnxruntime_that_is_not_there")
    for start in (lambda: probe(host, "mock"), lambda: next(measure(host, "mock", [Artifact("a", onnx_file)]))):
        with pytest.raises(UsageError, match="'onnxruntime_that_is_not_there'") as caught:
            start()
        assert caught.value.hint == 'pip install "edgenas[onnx]"'


def test_what_is_missing_on_another_device_is_to_be_installed_there(onnx_file, replies):
    replies(json.dumps({"worker": 1, "runtime": "mock", "error": "no", "missing": "onnxruntime.capi"}))
    board = Device(name="board", description="far away", transport="ssh", runtimes=("mock",), options={"host": "b"})
    with pytest.raises(UsageError, match="mock needs the Python package 'onnxruntime.capi', .* on board") as caught:
        probe(board, "mock")
    assert caught.value.hint == "there: python3 -m pip install onnxruntime"


def test_what_was_measured_before_a_crash_is_kept(host, runner, onnx_file, tmp_path, brief):
    runner("""
        class Session(Session):
            def __init__(self, path, threads):
                if "bad" in path:
                    sys.stderr.write("dying")
                    sys.stderr.flush()
                    import ctypes
                    ctypes.string_at(0)
    """)
    bad = tmp_path / "bad.onnx"
    bad.touch()
    found = measure(host, "mock", [Artifact("good", onnx_file), Artifact("bad", bad)], protocol=brief)
    assert next(found).id == "good"
    with pytest.raises(DeviceError, match="^'bad' could not be measured .*was killed by SIGSEGV; .*dying"):
        next(found)


def test_a_worker_that_ends_early_is_an_error(host, runner, onnx_file, brief):
    runner("""
        class Session(Session):
            def invoke(self): os._exit(0)
    """)
    with pytest.raises(DeviceError, match="ended without measuring 'a', 'b'"):
        list(measure(host, "mock", [Artifact("a", onnx_file), Artifact("b", onnx_file)], protocol=brief))


HEADER = json.dumps({"worker": worker.SCHEMA, "runtime": "mock", "version": "1", "machine": {"id": "m"}})
LATENCY = {"min_ms": 1.0, "median_of_minima_ms": 1.1, "p50_ms": 1.2, "p90_ms": 1.3, "mad_ms": 0.1, "spread": 0.1,
           "rounds": 3, "runs": 60, "agreed": True}


def line(name: str = "a", **changes: object) -> str:
    return json.dumps({"id": name, "latency": {**LATENCY, **changes}})


@pytest.fixture
def replies(monkeypatch):
    """`replies(lines)`: every worker prints these; returns a list that fills when its stream is closed."""
    def install(*lines: str) -> list[str]:
        closed: list[str] = []

        class Fake(Transport):
            def __init__(self, device):
                pass

            def reach(self, timeout_s):
                return "a fake"

            def stream(self, job, timeout_s):
                try:
                    yield from lines
                finally:
                    closed.append("closed")

        monkeypatch.setattr("edgenas.measure.measure.open_transport", Fake)
        return closed
    return install


@pytest.mark.parametrize(("lines", "message"), [
    ([], "ended without saying anything"),
    (["hello"], "'hello' is not one whole JSON document"),
    (["[]"], "is not a JSON object"),
    (['{"worker": 99, "runtime": "mock"}'], "is no header of worker 1 with runtime 'mock'"),
    ([HEADER.replace("mock", "litert")], "is no header of worker 1 with runtime 'mock'"),
    ([HEADER.replace('"m"', "7")], "does not say the runtime's version and the machine"),
    ([HEADER, line()[:40]], "is not one whole JSON document"),
    ([HEADER, "[" * 100_000], "is not one whole JSON document"),
    ([HEADER, '{"a":' * 100_000], "is not one whole JSON document"),
    ([HEADER, line(min_ms=float("nan"))], "is not one whole JSON document"),
    ([HEADER, line(p90_ms=float("inf"))], "is not one whole JSON document"),
    ([HEADER, line().replace("1.3", "1e999")], "p90_ms is inf"),
    ([HEADER, line().replace("1.3", "9" * 5000)], "is not one whole JSON document"),
    ([HEADER, line().replace("1.3", "9" * 4000)], "p90_ms is a huge number"),
    ([HEADER, line(min_ms=-1)], "min_ms is -1"),
    ([HEADER, line(min_ms="1")], "min_ms is '1'"),
    ([HEADER, line(min_ms=5)], "contradict each other"),
    ([HEADER, line(runs=True)], "runs is True"),
    ([HEADER, line(more=1)], "unknown value 'more'"),
    ([HEADER, json.dumps({"id": "a", "latency": {}})], "has no value 'agreed'"),
    ([HEADER, json.dumps({"id": "a"})], "has no latency"),
    ([HEADER, line("b")], "is for no artifact whose result is due"),
    ([HEADER, json.dumps({"id": ["a"]})], "is for no artifact whose result is due"),
    ([HEADER, line(), line()], "is for no artifact whose result is due"),
    ([HEADER, json.dumps({"id": "a", "error": "out\tof memory"})], "mock said: out\tof memory"),
    ([HEADER], "ended without measuring 'a'"),
])
def test_no_line_is_trusted(host, onnx_file, replies, lines, message):
    closed = replies(*lines)
    with pytest.raises(DeviceError) as caught:
        list(measure(host, "mock", [Artifact("a", onnx_file)]))
    assert message in caught.value.message
    assert len(caught.value.message) < 700
    assert closed == ["closed"]


def test_leaving_early_closes_the_stream(host, onnx_file, replies):
    closed = replies(HEADER, line("a"), line("b"))
    for found in measure(host, "mock", [Artifact("a", onnx_file), Artifact("b", onnx_file)]):
        assert found.latency_ms() == 1.1
        break
    del found
    assert closed == ["closed"]


def test_interleaved_artifacts_are_waited_for_together(host, onnx_file, monkeypatch):
    waits = []

    class Fake(Transport):
        def __init__(self, device):
            pass

        def reach(self, timeout_s):
            return "a fake"

        def stream(self, job, timeout_s):
            waits.append(timeout_s)
            yield from [HEADER, line("a"), line("b")]

    monkeypatch.setattr("edgenas.measure.measure.open_transport", Fake)
    for together in (False, True):
        list(measure(host, "mock", [Artifact("a", onnx_file), Artifact("b", onnx_file)], interleave=together,
                     protocol=Protocol(timeout_s=7)))
    assert waits == [7, 14]


HANGING = """
    import subprocess
    class Session(Session):
        def invoke(self):
            child = subprocess.Popen(["sleep", "300"])
            with open(os.path.join(os.path.dirname(os.path.realpath(__file__)), "started"), "w") as file:
                file.write(f"{os.getpid()} {child.pid}")
            os.rename(file.name, file.name[:-7] + "pids")
            time.sleep(300)
"""


def pids(folder: Path) -> list[int]:
    """Of the hanging worker and its child, once there."""
    for _ in range(200):
        if (folder / "pids").exists():
            return [int(pid) for pid in (folder / "pids").read_text().split()]
        time.sleep(0.05)
    raise AssertionError("the worker never started")


def all_gone(processes: list[int]) -> bool:
    for _ in range(100):
        states = [Path(f"/proc/{pid}/stat") for pid in processes]
        if not any(state.exists() and ") Z " not in state.read_text() for state in states):
            return True
        time.sleep(0.05)
    return False


def test_a_worker_that_hangs_is_stopped_with_its_children(host, runner, onnx_file, tmp_path, brief):
    runner(HANGING)
    with pytest.raises(DeviceError, match="'a' could not be measured .*gave no result for 2 s and was stopped"):
        list(measure(host, "mock", [Artifact("a", onnx_file)], protocol=replace(brief, timeout_s=2)))
    assert all_gone(pids(tmp_path))


def test_an_interrupt_leaves_no_process_behind(host, runner, onnx_file, tmp_path):
    script = """
import sys
from dataclasses import replace
from pathlib import Path
from edgenas.measure import measure
from edgenas.measure.device import Device
from edgenas.measure.job import Artifact
mock = replace(measure.load_runtime("mock"), file=Path(sys.argv[1]), clock=None)
measure.load_runtime = lambda name: mock
device = Device(name="host", description="this machine", runtimes=("mock",))
try:
    list(measure.measure(device, "mock", [Artifact("a", Path(sys.argv[2]))]))
except KeyboardInterrupt:
    print("interrupted")
"""
    process = subprocess.Popen([sys.executable, "-c", script, runner(HANGING), str(onnx_file)],
                               stdout=subprocess.PIPE)
    started = pids(tmp_path)
    assert not any(os.getpgid(pid) == os.getpgid(process.pid) for pid in started)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=20)[0] == b"interrupted\n"
    assert all_gone(started)
