"""Aarch64 programs through a real adb and adbd. The board's speed says nothing."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from board import free_port

from edgenas.errors import DeviceError, LinkLost
from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.check.session import open_session
from edgenas.measure.device import Device
from edgenas.measure.job import Artifact, Job
from edgenas.measure.measure import measure, probe
from edgenas.measure.protocol import Protocol
from edgenas.measure.runtimes import run_binary
from edgenas.measure.transport import open_transport

from . import stand_ins
from .adb_board import AdbBoard, adb_board  # noqa: F401  (a fixture)

pytestmark = pytest.mark.board
CROSS = "aarch64-linux-gnu-gcc"
QUICK = Protocol(calibration_s=0.01, warmup_runs=2, warmup_min_s=0.001, warmup_max_s=0.01, max_rounds=3, runs=5,
                 round_s=0.001)
TABLE = Path(__file__).parent / "runtimes" / "benchmark_model" / "tabs.txt"


def block(kernel: int) -> torch.nn.Module:
    torch.manual_seed(kernel)
    return torch.nn.Sequential(
        torch.nn.Conv2d(8, 8, kernel, padding=kernel // 2, groups=8), torch.nn.BatchNorm2d(8), torch.nn.ReLU6(),
        torch.nn.Conv2d(8, 16, 1)).eval()


@pytest.fixture(scope="module")
def blocks(tmp_path_factory) -> list[tuple[torch.nn.Module, Path]]:
    folder = tmp_path_factory.mktemp("blocks")
    found = [(block(kernel), folder / f"{kernel}.bin") for kernel in (3, 5, 7)]
    exporter("binary").export([Export(net, torch.zeros(1, 8, 12, 12), path) for net, path in found], target="aarch64")
    return found


@pytest.fixture
def nothing_left(adb_board):  # noqa: F811
    """Nothing is on the phone, or runs there, when a test is over."""
    yield
    assert adb_board.shell(f"ls {adb_board.jobs}") == ""
    # The shell that asks, and adbd.
    running = [line for line in adb_board.shell("ps -eo stat=,args=").splitlines() if not line.startswith("Z")]
    assert not [line for line in running if "program" in line or "sleep" in line or "timeout" in line]


def artifacts(blocks: list[tuple[torch.nn.Module, Path]]) -> list[Artifact]:
    return [Artifact(f"block {path.stem}", path) for _, path in blocks]


@pytest.mark.usefixtures("nothing_left")
def test_three_blocks_are_measured(adb_board: AdbBoard, blocks):  # noqa: F811
    found = list(measure(adb_board.device("binary"), "binary", artifacts(blocks), protocol=QUICK))
    assert [one.id for one in found] == ["block 3", "block 5", "block 7"]
    assert all(one.rounds == 3 and one.runs >= 15 for one in found)


def test_their_outputs_are_pytorchs_on_the_phone_and_here(adb_board: AdbBoard, blocks, tmp_path):  # noqa: F811
    images = np.random.default_rng(0).standard_normal((2, 8, 12, 12)).astype("<f4")
    raw = tmp_path / "images"
    raw.write_bytes(images.tobytes())
    transport = open_transport(adb_board.device("binary"))
    for net, path in blocks:
        job = Job({"program": path, "images": raw}, ("sh", "-c", "./program <images"))
        phones = np.float32([json.loads(line)["logits"] for line in transport.stream(job, 60)])
        with torch.no_grad():
            expected = net(torch.from_numpy(images)).numpy()
        np.testing.assert_allclose(phones.reshape(expected.shape), expected, atol=1e-4)
        np.testing.assert_allclose(open_session(path, "binary").predict(images), expected, atol=1e-4)


def test_the_machine_is_the_same_with_and_without_programs(adb_board: AdbBoard, blocks):  # noqa: F811
    device = adb_board.device("binary")
    conditions = probe(device, "binary")
    assert conditions.version == run_binary.version() and conditions.machine["architecture"] == "aarch64"
    heard = []
    list(measure(device, "binary", artifacts(blocks)[:1], protocol=QUICK, on_header=heard.append))
    assert [one.machine["id"] for one in heard] == [conditions.machine["id"]]
    [said] = open_transport(device).stream(Job({"program": blocks[0][1]}, ("./program", "--describe")), 60)
    assert json.loads(said)["machine"]["id"] == conditions.machine["id"]


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("end", ["the server", "adbd"])
def test_after_a_broken_connection_nothing_is_lost_or_measured_twice(adb_board: AdbBoard, blocks, end):  # noqa: F811
    device, heard, trouble = adb_board.device("binary"), [], []
    many = [Artifact(f"{round} {path.stem}", path) for round in range(2) for _, path in blocks]
    found = measure(device, "binary", many, protocol=QUICK, on_trouble=trouble.append, on_header=heard.append)
    ids = [next(found).id]
    if end == "the server":
        adb_board.kill_server()
    else:
        adb_board.stop()
        adb_board.start()
    ids += [one.id for one in found]
    assert ids == [artifact.id for artifact in many]
    assert len(heard) == 2 and len(trouble) == 1
    assert "the connection to the phone '127.0.0.1:" in trouble[0] and "left to measure" in trouble[0]
    if end == "adbd":
        adb_board.shell(f"rm -rf {adb_board.jobs}/*")  # what the first adbd left; it cannot clean up any more


def test_a_phone_that_reboots_is_waited_for(adb_board: AdbBoard, blocks, monkeypatch):  # noqa: F811
    trouble: list[str] = []
    monkeypatch.setattr("edgenas.measure.measure.PAUSES_S", (0.5,) * 20)
    found = measure(adb_board.device("binary"), "binary", artifacts(blocks), protocol=QUICK, on_trouble=trouble.append)
    ids = [next(found).id]
    adb_board.stop()
    boot = threading.Timer(3, adb_board.start)
    boot.start()
    try:
        ids += [one.id for one in found]
    finally:
        boot.join()
    assert ids == ["block 3", "block 5", "block 7"] and len(trouble) > 1
    assert any("is not attached" in text or "offline" in text for text in trouble)
    adb_board.shell(f"rm -rf {adb_board.jobs}/*")


def test_one_that_does_not_come_back_is_an_error_in_the_end(adb_board: AdbBoard, blocks, monkeypatch):  # noqa: F811
    monkeypatch.setattr("edgenas.measure.measure.PAUSES_S", (0.1, 0.1))
    found = measure(adb_board.device("binary"), "binary", artifacts(blocks), protocol=QUICK)
    next(found)
    adb_board.stop()
    try:
        with pytest.raises(LinkLost, match="^'block 5' could not be measured with binary on phone: the phone"):
            list(found)
    finally:
        adb_board.start()
        adb_board.shell(f"rm -rf {adb_board.jobs}/*")


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(("mode", "message"), [
    ("crash", "binary said: the program was killed by SIGSEGV"), ("refuse", "exit status 2: no such thing")])
def test_a_program_that_dies_is_named(adb_board: AdbBoard, tmp_path, mode, message):  # noqa: F811
    paths = [stand_ins.program(tmp_path, name, CROSS) for name in ("sound", mode)]
    found = measure(adb_board.device("binary"), "binary", [Artifact(path.stem, path) for path in paths])
    assert next(found).id == "sound"
    with pytest.raises(DeviceError, match=f"^'{mode}' could not be measured with binary on phone: .*{message}"):
        next(found)


@pytest.mark.usefixtures("nothing_left")
def test_a_job_that_is_given_up_ends_on_the_phone(adb_board: AdbBoard, tmp_path):  # noqa: F811
    stream = open_transport(adb_board.device("binary")).stream(Job({}, ("sh", "-c", "pwd; sleep 100")), 60)
    assert next(stream).startswith(f"{adb_board.jobs}/edgenas-")
    stream.close()


def test_a_silent_job_is_stopped(adb_board: AdbBoard):  # noqa: F811
    stream = open_transport(adb_board.device("binary")).stream(Job({}, ("sleep", "100")), 1)
    with pytest.raises(DeviceError, match="gave no result for 1 s") as caught:
        list(stream)
    assert not isinstance(caught.value, LinkLost)


def test_a_program_for_this_machine_is_refused(adb_board: AdbBoard, tmp_path):  # noqa: F811
    path = stand_ins.program(tmp_path)
    with pytest.raises(DeviceError, match="program 'a' is for x86_64, and the device is aarch64") as caught:
        list(measure(adb_board.device("binary"), "binary", [Artifact("a", path)]))
    assert 'target = "aarch64"' in caught.value.hint


def test_benchmark_model_runs_there(adb_board: AdbBoard, tmp_path, monkeypatch):  # noqa: F811
    program = stand_ins.benchmark_model(tmp_path, 1000, TABLE)
    # What it reads and notes lies here, not on the phone.
    program.write_text(program.read_text().replace(f"{tmp_path}/", ""))
    table = tmp_path / "table.txt"
    program.write_text(program.read_text().replace("cat table.txt", f"cat <<'END'\n{table.read_text()}END\n"))
    (tmp_path / "net.tflite").write_bytes(b"a model")
    device = adb_board.device("benchmark_model").model_copy(
        update={"settings": {"benchmark_model": {"push": True}}})
    monkeypatch.setenv("EDGENAS_BENCHMARK_MODEL", str(program))
    [found] = measure(device, "benchmark_model", [Artifact("a", tmp_path / "net.tflite")],
                      protocol=Protocol(rounds=2, max_rounds=2, runs=4))
    assert found.rounds == 2 and found.figures["softmax_ms"] == 0.233


def test_a_folder_that_cannot_be_written(adb_board: AdbBoard):  # noqa: F811
    with pytest.raises(DeviceError, match="no folder can be made under '/usr' .*Permission denied") as caught:
        probe(adb_board.device("binary", folder="/usr"), "binary")
    assert "set folder under [options]" in caught.value.hint


def test_an_unknown_key_is_an_unauthorized_phone(adb_board: AdbBoard, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("ADB_VENDOR_KEYS")
    server = free_port()
    try:
        with pytest.raises(DeviceError, match="does not let this computer in: it is unauthorized") as caught:
            probe(adb_board.device("binary", server=server), "binary")
        assert "accept the dialog" in caught.value.hint and not isinstance(caught.value, LinkLost)
    finally:
        subprocess.run(["adb", "-P", str(server), "kill-server"], check=False, capture_output=True)


def test_one_of_two_must_be_named(adb_board: AdbBoard):  # noqa: F811
    adb = ["adb", "-P", str(adb_board.server)]
    other = f"localhost:{adb_board.port}"
    subprocess.run([*adb, "connect", other], check=True, capture_output=True)
    try:
        for _ in range(50):
            listed = subprocess.run([*adb, "devices"], check=True, capture_output=True, text=True).stdout
            if f"{other}\tdevice" in listed and f"{adb_board.serial}\tdevice" in listed:
                break
            time.sleep(0.1)
        unnamed = Device(name="phone", description="x", transport="adb", runtimes=("binary",),
                         options={"server": adb_board.server})
        with pytest.raises(DeviceError, match=f"several devices are attached .*{adb_board.serial}") as caught:
            probe(unnamed, "binary")
        assert other in caught.value.message and "serial = " in caught.value.hint
    finally:
        subprocess.run([*adb, "disconnect", other], check=True, capture_output=True)


def test_says_what_answers(adb_board: AdbBoard):  # noqa: F811
    text = open_transport(adb_board.device("binary")).reach(30)
    assert text == f"arm64-board, aarch64 over adb ({adb_board.serial})"
