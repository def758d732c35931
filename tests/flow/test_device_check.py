from __future__ import annotations

import json

import pytest

from edgenas.errors import DeviceError, UsageError
from edgenas.flow import device_check
from edgenas.flow.device_check import check_device
from edgenas.flow.step import Step
from edgenas.measure.measure import probe
from edgenas.measure.transports.local import LocalTransport

from .test_devices import profile

BOARD = 'name = "board"\ndescription = "A board"\nruntimes = ["onnxruntime", "mock"]\n'


@pytest.fixture
def board(tmp_path) -> str:
    (tmp_path / "board.toml").write_text(BOARD)
    return str(tmp_path / "board.toml")


def by_name(steps: list[Step]) -> dict[str, str]:
    return {step.name: step.state for step in steps}


def test_a_device_that_works(board, tmp_path):
    import onnxruntime
    steps = list(check_device(board, folder=tmp_path))
    assert [step.name for step in steps] == [
        "file", "reach", "runtime onnxruntime", "runtime mock", "machine", "free space", "clock governor",
        "clock frequency", "temperature", "load", "profile onnxruntime", "profile mock"]
    states = by_name(steps)
    assert "failed" not in states.values()
    assert steps[2].text == f"onnxruntime {onnxruntime.__version__}"
    assert states["profile mock"] == "skipped" and "edgenas profile --device board --runtime mock" in steps[-1].hint
    json.dumps([step.to_dict() for step in steps], allow_nan=False)


def test_one_runtime_alone(board, tmp_path):
    steps = by_name(list(check_device(board, "mock", tmp_path)))
    assert list(steps) == ["file", "reach", "runtime mock", "machine", "profile mock"], "mock takes no time"
    with pytest.raises(UsageError, match="'tvm' is no known runtime of device 'board'"):
        list(check_device(board, "tvm"))


def test_profiles_that_still_hold_and_stale_and_damaged_ones(board, tmp_path):
    from edgenas.measure.device import load_device
    conditions = probe(load_device(board), "mock")
    profile(tmp_path, machine=conditions.machine)
    assert by_name(list(check_device(board, "mock", tmp_path)))["profile mock"] == "ok"
    profile(tmp_path, machine={"id": "another"})
    profile(tmp_path, precision="int8", machine=conditions.machine, version="0")
    profile(tmp_path, precision="other").path.write_text("{}\n")
    found = [step for step in check_device(board, "mock", tmp_path) if step.name == "profile mock"]
    assert [step.state for step in found] == ["failed"] * 3
    assert "its machine is another" in found[0].text and "its runtime version is 0" in found[1].text
    assert "damaged" in found[2].text and all("--renew" in step.hint for step in found)


def test_what_needs_a_step_that_failed_is_skipped(board, tmp_path, monkeypatch):
    def refuse(self, timeout_s):
        raise DeviceError("no route to host\n\x1b[31m", "look at the cable")

    monkeypatch.setattr(LocalTransport, "reach", refuse)
    monkeypatch.setattr(device_check, "probe", lambda *_: pytest.fail("tried all the same"))
    steps = list(check_device(board, folder=tmp_path))
    assert by_name(steps) == {"file": "ok", "reach": "failed", "runtime onnxruntime": "skipped",
                              "runtime mock": "skipped", "machine": "skipped", "profile onnxruntime": "skipped",
                              "profile mock": "skipped"}
    assert (steps[1].text, steps[1].hint) == ("no route to host \\x1b[31m", "look at the cable")


def test_a_runtime_that_does_not_work_leaves_the_others_alone(board, tmp_path, monkeypatch):
    def probing(device, runtime):
        if runtime == "onnxruntime":
            raise UsageError("this needs the package 'onnxruntime', which is not installed", "pip install it")
        return probe(device, runtime)

    monkeypatch.setattr(device_check, "probe", probing)
    states = by_name(list(check_device(board, folder=tmp_path)))
    assert (states["runtime onnxruntime"], states["profile onnxruntime"]) == ("failed", "skipped")
    assert (states["runtime mock"], states["machine"], states["profile mock"]) == ("ok", "ok", "skipped")


def test_no_runtime_works(board, tmp_path, monkeypatch):
    def fail(device, runtime):
        raise DeviceError("it does not work")

    monkeypatch.setattr(device_check, "probe", fail)
    steps = list(check_device(board, folder=tmp_path))
    assert by_name(steps)["machine"] == "skipped"
    assert all(step.hint for step in steps if step.state == "failed")


def test_each_step_comes_as_it_is_done(board, monkeypatch):
    monkeypatch.setattr(device_check, "probe", lambda *_: pytest.fail("too early"))
    steps = check_device(board)
    assert [next(steps).name, next(steps).name] == ["file", "reach"]


def test_a_software_gpu_is_a_warning(board, monkeypatch, tmp_path):
    def emulated(device, runtime):
        found = probe(device, runtime)
        found.machine["accelerator"] = {"name": "llvmpipe", "software": True}
        return found

    monkeypatch.setattr(device_check, "probe", emulated)
    [step] = [s for s in check_device(board, "mock", tmp_path) if s.name == "runtime mock"]
    assert step.state == "warning" and step.text == "mock 1 on llvmpipe, a GPU only emulated in software"


def test_a_bad_file_is_refused_at_once(tmp_path):
    (tmp_path / "board.toml").write_text(BOARD + "[options]\nport = 22\n")
    with pytest.raises(UsageError, match="transport 'local' takes none"):
        next(check_device(str(tmp_path / "board.toml")))
