from __future__ import annotations

import json
from dataclasses import replace

import pytest

from edgenas.errors import DeviceError
from edgenas.measure import worker
from edgenas.measure.clock import check_clock
from edgenas.measure.device import Device
from edgenas.measure.job import Artifact
from edgenas.measure.measure import measure
from edgenas.measure.runtime import load_runtime
from edgenas.measure.transport import Transport


def test_time_that_cannot_have_passed_is_refused():
    real = replace(load_runtime("mock"), clock=None)
    check_clock(real, claimed_s=2.0, passed_s=1.0)
    with pytest.raises(DeviceError, match="claims runs of 2.2 s in the 1 s that passed here: its clock jumped or its "
                                          "figures are made up"):
        check_clock(real, claimed_s=2.2, passed_s=1.0)


def test_estimates_and_a_clock_of_the_runtime_s_own_take_no_time():
    real = load_runtime("onnxruntime")
    for runtime in (replace(real, provenance="estimated"), replace(real, clock=lambda: 0.0)):
        assert not runtime.takes_time
        check_clock(runtime, claimed_s=3600, passed_s=0)
    assert load_runtime("onnxruntime").takes_time and not load_runtime("mock").takes_time


def line(name: str, min_ms: float) -> str:
    figures = {"min_ms": min_ms, "median_of_minima_ms": min_ms, "p50_ms": min_ms, "p90_ms": min_ms, "mad_ms": 0.0,
               "spread": 0.0, "rounds": 3, "runs": 60, "agreed": True}
    return json.dumps({"id": name, "latency": figures})


@pytest.fixture
def board(monkeypatch, onnx_file):
    """`board(runtime, ms, ...)`: measures on a device that claims these latencies of 60 runs each, at once."""
    def measured(runtime: str, *claims_ms: float) -> list[str]:
        header = {"worker": worker.SCHEMA, "runtime": runtime, "version": "1", "machine": {"id": "m"}}

        class Claiming(Transport):
            def __init__(self, device):
                pass

            def reach(self, timeout_s):
                return "a fake"

            def stream(self, job, timeout_s):
                yield json.dumps(header)
                yield from (line(str(index), claim) for index, claim in enumerate(claims_ms))

        monkeypatch.setattr("edgenas.measure.measure.open_transport", Claiming)
        device = Device(name="board", description="a board", runtimes=(runtime,))
        found: list[str] = []
        try:
            for result in measure(device, runtime, [Artifact(str(i), onnx_file) for i in range(len(claims_ms))]):
                found.append(result.id)
        except DeviceError as error:
            found.append(error.message)
        return found
    return measured


def test_what_was_measured_before_the_clock_jumped_is_kept(board):
    first, error = board("onnxruntime", 1.0, 5000.0)
    assert first == "0" and "'1' could not be measured with onnxruntime on board" in error
    assert "claims runs of 300 s" in error and "its clock jumped" in error


def test_many_small_lies_add_up(board):
    *believed, error = board("onnxruntime", *[5.0] * 10)
    assert believed == ["0", "1", "2"] and "claims runs of 1.2 s" in error


def test_a_runtime_with_a_clock_of_its_own_is_believed(board):
    assert board("mock", 5000.0, 5000.0) == ["0", "1"]
