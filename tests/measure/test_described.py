from __future__ import annotations

import json

import pytest

from edgenas.errors import DeviceError, UsageError
from edgenas.measure import described, worker
from edgenas.measure.conditions import read_header, reported_failure
from edgenas.measure.packages import how_to_install


def header(**changes: object) -> str:
    return json.dumps({"worker": worker.SCHEMA, "runtime": "mock", "version": "1", "machine": {"id": "m"}} | changes)


def test_what_a_worker_says_of_this_machine_is_taken_as_it_is():
    said = worker.describe_machine({"name": "a GPU", "software": True})
    assert described.machine(json.loads(json.dumps(said))) == said


@pytest.mark.parametrize("machine", [
    None, [], 3, {}, {"id": 3}, {"id": ""}, {"id": "../x"}, {"id": "m" * 65}, {"id": "m", "cpu": 3},
    {"id": "m", "cores": "two"}, {"id": "m", "cores": True}, {"id": "m", "memory_gib": 10**40},
    {"id": "m", "accelerator": "a GPU"}, {"id": "m", "accelerator": {"name": 7}}, {"id": "m", "conditions": [1]},
    {"id": "m", "conditions": {"free_mib": "much"}}, {"id": "m", "cpu": {"a": 1}},
    {"id": "m"} | {str(i): 1 for i in range(100)}])
def test_a_machine_of_an_odd_shape_is_one_sentence(machine):
    with pytest.raises(DeviceError, match="does not say the runtime's version and the machine") as caught:
        read_header(header(machine=machine), "mock")
    assert caught.value.message.isprintable() and len(caught.value.message) < 400


@pytest.mark.parametrize("version", [None, 3, "", " ", "1" * 300, ["1"], {"a": 1}])
def test_a_version_of_an_odd_shape_is_one_sentence(version):
    with pytest.raises(DeviceError, match="a runtime's version is a text of 1 to 200 characters"):
        read_header(header(version=version), "mock")


def test_texts_are_made_fit_to_print_and_cut():
    machine = {"id": "m", "cpu": "\x1b[2J" + "x" * 999, "a\x07": "\ud800"}
    found = read_header(header(version="1\x1b[2J", machine=machine), "mock")
    assert found.version == "1\\x1b[2J"
    assert found.machine["cpu"].startswith("\\x1b[2Jxxx") and len(found.machine["cpu"]) < 210
    assert found.machine["a\\x07"] == "\\ud800"


@pytest.mark.parametrize(("module", "hint"), [
    ("numpy", "there: python3 -m pip install numpy"), ("ai_edge_litert.interpreter", "pip install ai-edge-litert"),
    ("evil-package", "install what the runtime needs there"), ("numpy; touch x", "what the runtime needs there"),
    ("--index-url=http://evil", "install what the runtime needs there")])
def test_only_packages_of_our_own_are_hinted_at(module, hint):
    found = reported_failure({"error": "x", "missing": module}, "onnxruntime", "it failed", "board")
    assert isinstance(found, UsageError) and found.hint.endswith(hint) and module in found.message
    assert ("evil" in found.hint) is False and how_to_install(module, "pip install").count(";") == 0


def test_a_missing_package_here_is_data_too():
    found = reported_failure({"error": "x", "missing": "evil\x1b[2J; rm -rf"}, "onnxruntime", "it failed")
    assert isinstance(found, UsageError) and found.hint == 'pip install "edgenas[onnx]"'
