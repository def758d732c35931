from __future__ import annotations

from pathlib import Path

import pytest

from edgenas.cost.profile import Header, Profile, profile_path
from edgenas.errors import UsageError
from edgenas.flow.devices import accelerator_text, describe_device, is_software, profile_paths

from .flows import exact

BOARD = """
name = "board"
description = "A board"
runtimes = ["vela", "mock"]
[settings.vela]
accelerator = "ethos-u55-256"
"""


def profile(folder, runtime="mock", precision="fp32", machine=None, version="1") -> Profile:
    header = Header(device="board", runtime=runtime, runtime_version=version, precision=precision, threads=1,
                    machine=machine or {"id": "m", "cpu": "a processor"})
    return Profile.create(profile_path("board", runtime, 1, precision, folder), header)


@pytest.fixture
def board(tmp_path) -> str:
    (tmp_path / "board.toml").write_text(BOARD)
    return str(tmp_path / "board.toml")


def test_a_device_with_its_runtimes(board, tmp_path):
    found = describe_device(board, tmp_path / "none").to_json()
    assert found["path"] == board and found["device"]["name"] == "board" and found["profiles"] == []
    vela, mock = found["runtimes"]
    assert vela["settings"]["accelerator"] == "ethos-u55-256" and len(vela["settings"]) > 1, "the defaults too"
    assert (vela["format"], vela["precisions"], vela["provenance"], vela["extra"]) == (
        "tflite", ["int8"], "estimated", "ethosu")
    assert mock == {"name": "mock", "format": "onnx", "precisions": ["fp32", "int8", "mixed"], "provenance": "measured",
                    "extra": "onnx", "settings": {}}


def test_its_profiles_are_listed_and_a_damaged_one_says_so(board, tmp_path):
    profile(tmp_path).add_block("b", exact(1.0))
    profile(tmp_path, "vela", "int8").path.write_text("{}\n")
    good, bad = describe_device(board, tmp_path).to_json()["profiles"]
    assert (good["runtime"], good["blocks"], good["networks"], good["threads"]) == ("mock", 1, 0, 1)
    assert set(bad) == {"path", "error"} and "damaged" in bad["error"]


def test_profiles_of_one_runtime_are_not_those_of_another_with_a_longer_name(tmp_path):
    from edgenas.measure.device import Device
    for runtime in ("onnxruntime", "onnxruntime_cuda"):
        profile(tmp_path, runtime)
    device = Device(name="board", description="b", runtimes=("onnxruntime",))
    assert [path.name for path in profile_paths(device, "onnxruntime", tmp_path)] == ["onnxruntime-fp32-1t.jsonl"]
    assert len(profile_paths(device, folder=tmp_path)) == 2


def test_profiles_that_come_with_edgenas_are_listed_until_there_is_one_of_the_users_own(tmp_path):
    [published] = describe_device("pixel1", tmp_path).to_json()["profiles"]
    assert published["provenance"] == "published" and published["blocks"] > 0
    own = tmp_path / "pixel1" / Path(published["path"]).name
    own.parent.mkdir()
    own.write_bytes(Path(published["path"]).read_bytes())
    assert [found["path"] for found in describe_device("pixel1", tmp_path).to_json()["profiles"]] == [str(own)]


def test_an_unknown_device_suggests_the_nearest():
    with pytest.raises(UsageError, match="'hots' is no known device"):
        describe_device("hots")


def test_software_gpus_are_labelled():
    emulated = {"accelerator": {"name": "SwiftShader Device", "software": True}}
    real = {"accelerator": {"name": "Mali-G78", "software": False}}
    assert accelerator_text(emulated) == "on SwiftShader Device, a GPU only emulated in software"
    assert (accelerator_text(real), accelerator_text({}), accelerator_text({"accelerator": "x"})) == (
        "on Mali-G78", "", "")
    assert is_software(emulated) and not is_software(real) and not is_software({})
