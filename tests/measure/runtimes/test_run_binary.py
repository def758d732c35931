"""With programs of the exporter, and stand-ins that fail in every way."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import numpy as np
import pytest

from edgenas.errors import DeviceError, UsageError
from edgenas.export.check.session import open_session
from edgenas.measure import worker
from edgenas.measure.device import Device
from edgenas.measure.job import Artifact, Order
from edgenas.measure.measure import measure, probe
from edgenas.measure.protocol import DEFAULT, Protocol
from edgenas.measure.runtimes import run_binary
from edgenas.measure.transport import open_transport

from .. import stand_ins
from ..conftest import expected

FACTS = [f"machine architecture {platform.machine()}", "machine end"]


@pytest.fixture
def device() -> Device:
    return Device(name="phone", description="this machine", runtimes=("binary",))


def order(*paths: Path, protocol: Protocol = DEFAULT) -> Order:
    return Order(tuple(Artifact(f"net {index}", path) for index, path in enumerate(paths)), 1, protocol)


def test_measures_programs_that_were_exported(device, binary_file, brief):
    found = list(measure(device, "binary", [Artifact("a b", binary_file), Artifact("'", binary_file)], protocol=brief))
    assert [one.id for one in found] == ["a b", "'"]
    assert all(one.rounds == 3 and one.min_ms > 0 for one in found)


def test_probe_needs_no_program(device, binary_file):
    conditions = probe(device, "binary")
    assert conditions.version == run_binary.version()
    assert conditions.machine["id"] == worker.describe_machine()["id"]


def test_a_program_says_the_same_of_the_machine(device, binary_file):
    said = json.loads(run_binary.Session(str(binary_file), 1)._run(b"", "--describe"))
    assert said["machine"]["id"] == probe(device, "binary").machine["id"]


def test_the_job_carries_scripts_and_programs(tmp_path):
    first, second = stand_ins.program(tmp_path), stand_ins.program(tmp_path, "crash")
    job = run_binary.job(order(first, second))
    assert {name: path.name for name, path in job.files.items()} == {
        "programs.sh": "programs.sh", "device.sh": "device.sh", "0/program": first.name, "1/program": second.name}
    assert job.command[:3] == ("sh", "programs.sh", "300") and job.command[4:] == ("0/program", "1/program")
    assert "sample_us=50.0" in job.command[3] and "timeout" not in job.command[3]


@pytest.mark.parametrize(("mode", "message"), [
    ("crash", "binary said: the program was killed by SIGSEGV"),
    ("refuse", "binary said: the program ended with exit status 2: no such thing"),
    ("error", "binary said: MemoryError: no memory"),
    ("babble", "is not one whole JSON document"),
    ("nan", "is not one whole JSON document"),
])
def test_a_program_that_fails_is_named_and_the_others_are_kept(device, tmp_path, mode, message):
    sound, failing = stand_ins.program(tmp_path), stand_ins.program(tmp_path, mode)
    found = measure(device, "binary", [Artifact("good", sound), Artifact("bad", failing)])
    assert next(found).id == "good"
    with pytest.raises(DeviceError, match=f"^'bad' could not be measured with binary on phone: .*{message}"):
        next(found)


def test_one_that_crashes_does_not_stop_the_next(tmp_path):
    crash, sound = stand_ins.program(tmp_path, "crash"), stand_ins.program(tmp_path)
    asked = order(crash, sound)
    transport = open_transport(Device(name="phone", description="x", runtimes=("binary",)))
    _, first, second = run_binary.lines(asked, transport.stream(run_binary.job(asked), 60))
    assert json.loads(first)["id"] == "net 0"
    assert json.loads(first)["error"].startswith("the program was killed by SIGSEGV")
    assert json.loads(second)["id"] == "net 1" and "latency" in json.loads(second)


def test_a_program_that_hangs_is_stopped_on_the_device(tmp_path, monkeypatch):
    monkeypatch.setitem(stand_ins.MODES, "hang", "for (;;);")
    asked = order(stand_ins.program(tmp_path, "hang"), protocol=Protocol(timeout_s=0.5))
    transport = open_transport(Device(name="phone", description="x", runtimes=("binary",)))
    _, line = run_binary.lines(asked, transport.stream(run_binary.job(asked), 60))
    assert json.loads(line)["error"].startswith("the program was killed: it took too much time or memory")


def test_more_threads_are_refused(device, binary_file):
    with pytest.raises(UsageError, match="run on one thread, not on 2"):
        list(measure(device, "binary", [Artifact("a", binary_file)], threads=2))
    with pytest.raises(DeviceError, match="runs on one thread, not on 2"):
        open_session(binary_file, "binary", 2)


@pytest.mark.parametrize(("architecture", "program", "works"), [
    ("aarch64", "aarch64", True), ("aarch64", "arm", True), ("armv8l", "arm", True), ("armv7l", "aarch64", False),
    ("aarch64", "x86_64", False), ("x86_64", "aarch64", False), ("", "aarch64", False)])
def test_a_program_for_another_processor_is_refused(tmp_path, monkeypatch, architecture, program, works):
    monkeypatch.setattr(run_binary, "processor", lambda path: program)
    facts = [f"machine architecture {architecture}"] if architecture else []
    lines = run_binary.lines(order(tmp_path / "net.bin"), iter([*facts, "machine end"]))
    if works:
        assert json.loads(next(lines))["runtime"] == "binary"
        return
    with pytest.raises(DeviceError, match=f"program 'net 0' is for {program}, and the device is") as caught:
        next(lines)
    assert "target" in caught.value.hint


@pytest.mark.parametrize("line", [
    "", "{", "[]", "7", '{"id": 0}', '{"id": "1", "latency": {}}', '{"id": "-1"}', '{"latency": {}}', "failed 1 139 x",
    "failed x", "[" * 100000])
def test_a_line_that_is_not_understood_stays_as_it_is(tmp_path, line):
    [_, same] = run_binary.lines(order(stand_ins.program(tmp_path)), iter([*FACTS, line]))
    assert same == line


def test_what_comes_in_place_of_the_facts_is_shown(device):
    lines = run_binary.lines(order(), iter(["sh: programs.sh: not found", *FACTS]))
    assert list(lines) == ["sh: programs.sh: not found"]


def test_predicts_through_an_emulator_what_pytorch_computes(binary_file, monkeypatch, tmp_path):
    images = np.random.default_rng(3).standard_normal((2, 3, 8, 8)).astype(np.float32)
    wrapper = tmp_path / "emulator"
    wrapper.write_text('#!/bin/sh\nexec "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setattr(run_binary, "emulator", lambda wanted: [str(wrapper)])
    np.testing.assert_allclose(open_session(binary_file, "binary").predict(images), expected(images), atol=1e-5)


def test_a_program_that_cannot_be_described_is_a_device_error(tmp_path):
    with pytest.raises(DeviceError, match="binary cannot load .*refuse.bin: the program ended with exit status 2"):
        open_session(stand_ins.program(tmp_path, "refuse"), "binary")


def test_without_the_compiler_there_is_no_version(monkeypatch):
    def missing(name):
        raise run_binary.importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(run_binary.importlib.metadata, "version", missing)
    with pytest.raises(UsageError, match="'apache-tvm'") as caught:
        run_binary.version()
    assert caught.value.hint == 'pip install "edgenas[tvm]"'
