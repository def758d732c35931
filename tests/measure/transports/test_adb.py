"""Without a phone; test_adb_board.py has one."""

from __future__ import annotations

import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from board import free_port

from edgenas.errors import DeviceError, LinkLost, UsageError
from edgenas.measure import child_output
from edgenas.measure.device import Device
from edgenas.measure.job import PYTHON, Artifact, Job
from edgenas.measure.measure import measure
from edgenas.measure.process import ended
from edgenas.measure.transport import open_transport
from edgenas.measure.transports import transport_names
from edgenas.measure.transports.adb import AdbTransport, staged


def phone(**options: str | int) -> Device:
    return Device(name="phone", description="x", transport="adb", runtimes=("onnxruntime", "binary"), options=options)


@pytest.fixture
def server(tmp_path, monkeypatch) -> Iterator[int]:
    """The port of a real adb server that knows no phone."""
    if not shutil.which("adb"):
        pytest.skip("adb is not installed")
    monkeypatch.setenv("HOME", str(tmp_path))
    port = free_port()
    yield port
    subprocess.run(["adb", "-P", str(port), "kill-server"], check=False, capture_output=True)


def test_is_found_by_its_file_name():
    assert "adb" in transport_names()
    assert isinstance(open_transport(phone()), AdbTransport)


def test_a_runtime_that_needs_python_is_refused(onnx_file):
    with pytest.raises(UsageError, match="this runtime needs Python on the device, and a phone has none") as caught:
        list(measure(phone(adb="adb-nonesuch"), "onnxruntime", [Artifact("a", onnx_file)]))
    assert "binary" in caught.value.hint and "benchmark_model" in caught.value.hint
    with pytest.raises(UsageError):
        list(open_transport(phone()).stream(Job({}, (PYTHON, "worker.py")), 1))


def test_without_adb():
    with pytest.raises(DeviceError, match="the program 'adb-nonesuch' is not installed") as caught:
        open_transport(phone(adb="adb-nonesuch")).reach(1)
    assert caught.value.hint.startswith("apt install adb")


def test_without_a_phone(server):
    transport = open_transport(phone(server=server))
    with pytest.raises(DeviceError, match="no phone is attached") as caught:
        transport.reach(20)
    assert "USB debugging" in caught.value.hint and not isinstance(caught.value, LinkLost)
    with pytest.raises(DeviceError, match="no phone is attached"):
        list(transport.stream(Job({}, ("true",)), 20))


def test_a_phone_that_is_not_there(server):
    with pytest.raises(DeviceError, match="the phone 'nope' is not attached; attached: none") as caught:
        open_transport(phone(server=server, serial="nope")).reach(20)
    assert f"adb -P {server} devices -l" in caught.value.hint
    with pytest.raises(DeviceError, match="is not attached"):
        open_transport(phone(server=server, serial=f"127.0.0.1:{free_port()}")).reach(20)


def test_a_server_that_is_not_there():
    if not shutil.which("adb"):
        pytest.skip("adb is not installed")
    with pytest.raises(DeviceError, match="the adb server does not answer: .*Connection refused"):
        open_transport(phone(server=f"127.0.0.1:{free_port()}")).reach(20)


def test_what_is_pushed_are_copies_that_may_be_run(tmp_path):
    script = tmp_path / "script"
    script.write_text("exit 0\n")
    script.chmod(0o755)
    (tmp_path / "link").symlink_to(script)
    big = tmp_path / "big"
    big.write_bytes(bytes(10_000))
    with staged(Job({"0/run": tmp_path / "link", "1/big": big}, ("true",), "given\n")) as (folder, need_kib):
        run = folder / "job" / "0" / "run"
        assert run.read_text() == "exit 0\n" and not run.is_symlink() and run.stat().st_mode & stat.S_IXUSR
        assert (folder / "stdin").read_text() == "given\n"
        assert need_kib == 4 + 4 + 4 + 12
    assert not folder.exists() and script.exists()
    with pytest.raises(UsageError, match="cannot read .*nonesuch: No such file"), \
            staged(Job({"x": tmp_path / "nonesuch"}, ("true",))):
        pass


ADB = """#!/bin/sh
# A phone whose connection breaks: adb then ends with status 0 and says nothing.
[ "$1" = shell ] || exit 0
case $2 in *"sh -c"*) ;; *) exit 0 ;; esac
printf '%s\\n' "$2" | sed -n 's/.*echo \\([0-9a-f]*\\) ended.*/\\1/p' >token
echo "$(cat token) 1000000 /data/local/tmp/edgenas-abc"
read -r go
ANSWER
"""


@pytest.mark.parametrize(("answer", "lines", "error", "message"), [
    ("echo one; exit 0", ["one"], LinkLost, "the connection to the phone broke"),
    ("echo one; echo 'error: device offline' >&2; exit 1", ["one"], LinkLost, "the phone is offline"),
    ('printf "one\\r\\ntwo$(cat token) ended 0\\n"', ["one", "two"], None, ""),
    ('echo one; echo oops >&2; echo "$(cat token) ended 7"; exit 7', ["one"], DeviceError, "exit status 7; .* oops"),
    ('echo "$(cat token) ended 139"; exit 0', [], DeviceError, "killed by SIGSEGV"),
    ("read -r more", [], DeviceError, "gave no result for 0.5 s"),
    ("exec yes", [], DeviceError, "printed more than 1000 lines|wrote without end"),
    ('echo "$(cat token) ended 99999999999999999999"', [], LinkLost, "the connection to the phone broke"),
])
def test_a_job_is_over_when_the_phone_says_so(tmp_path, monkeypatch, answer, lines, error, message):
    program = tmp_path / "adb"
    monkeypatch.setattr(child_output, "LINES_LIMIT", 1000)
    program.write_text(ADB.replace("ANSWER", answer))
    program.chmod(0o755)
    monkeypatch.setenv("EDGENAS_ADB", str(program))
    monkeypatch.chdir(tmp_path)
    found: list[str] = []
    stream = open_transport(phone()).stream(Job({}, ("true",)), 0.5)
    if error is None:
        assert list(stream) == lines
        return
    with pytest.raises(DeviceError, match=message) as caught:
        found.extend(stream)
    assert isinstance(caught.value, LinkLost) is (error is LinkLost)


@pytest.mark.parametrize(("says", "message"), [
    ("exec yes", "the phone's shell does not run what it is told"), ("exec yes >&2", "wrote without end"),
    ("printf y; exec sleep 60", "gave no result for 0.5 s")])
def test_one_that_never_comes_to_the_point_is_given_up(tmp_path, monkeypatch, says, message):
    """In place of adb, or of the phone's shell."""
    program = tmp_path / "adb"
    program.write_text(f"#!/bin/sh\n[ $1 = shell ] || exit 0\n{says}\n")
    program.chmod(0o755)
    monkeypatch.setenv("EDGENAS_ADB", str(program))
    monkeypatch.setattr(child_output, "ERRORS_LIMIT", 1 << 20)
    monkeypatch.setattr("edgenas.measure.transports.adb.ANSWER_S", 0.5)
    monkeypatch.setattr("edgenas.measure.transports.adb.GRACE_S", 0.1)
    with pytest.raises(DeviceError, match=message):
        list(AdbTransport(phone()).stream(Job({}, ("true",)), 5))


def test_a_full_disk_is_noticed_before_anything_is_pushed(tmp_path, monkeypatch):
    program = tmp_path / "adb"
    program.write_text(ADB.replace("1000000", "8").replace("[ ", 'case "$*" in *push*) touch pushed ;; esac\n[ '))
    program.chmod(0o755)
    monkeypatch.setenv("EDGENAS_ADB", str(program))
    monkeypatch.chdir(tmp_path)
    big = tmp_path / "big"
    big.write_bytes(bytes(20_000))
    with pytest.raises(DeviceError, match="the disk of the phone is full: the files take 28 KiB under "
                                          "'/data/local/tmp', and 8 KiB are free"):
        list(open_transport(phone()).stream(Job({"big": big}, ("true",)), 5))
    assert not Path("pushed").exists()


def test_a_connection_that_breaks_is_made_again_for_what_is_left(monkeypatch):
    """Once a phone has answered, one that is gone may come back."""
    transport = AdbTransport(phone())
    monkeypatch.setattr(transport, "_adb", lambda timeout_s, *words: ["List of devices attached", "A\tdevice"])
    gone = ended(1, "error: device '0123' not found")
    assert not isinstance(transport._trouble(gone.words), LinkLost)
    transport._met = True
    assert isinstance(transport._trouble(gone.words), LinkLost)
    assert transport._trouble(gone.words).message.endswith("attached: A")

