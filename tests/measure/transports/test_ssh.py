"""Against a real sshd on 127.0.0.1: this machine, reached as a device is."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from loopback import MISSING, Loopback, children, loopback, name_of, processes_in

from edgenas.errors import DeviceError, LinkLost, UsageError
from edgenas.measure.device import Device
from edgenas.measure.job import PYTHON, Artifact, Job
from edgenas.measure.measure import measure, probe
from edgenas.measure.transport import open_transport
from edgenas.measure.transports import ssh as transport_ssh
from edgenas.measure.transports import transport_names
from edgenas.measure.worker import describe_machine
from edgenas.testing import TransportContract

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Loopback]:
    with loopback(tmp_path_factory.mktemp("loop")) as found:
        yield found


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("edgenas.measure.measure.PAUSES_S", (0.1,) * 5)


@pytest.fixture(autouse=True)
def configuration(server, monkeypatch):
    """As the user's own, in place of ~/.ssh/config."""
    monkeypatch.setenv("EDGENAS_SSH_CONFIG", str(server.config))


@pytest.fixture(autouse=True)
def nothing_left(server):
    """After every test, whatever it did to the connection: no folder, and no process in it."""
    yield
    assert soon(lambda: not processes_in(server.work) and not list(server.work.iterdir()))


class TestSsh(TransportContract):
    @pytest.fixture
    def device(self, server: Loopback) -> Device:
        return server.device()


def soon(true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 60  # a machine may be busy with anything else
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def run(server: Loopback, *command: str, stdin: str = "", files: dict[str, Path] | None = None,
        timeout_s: float = 30, **options: object) -> list[str]:
    return list(open_transport(server.device(**options)).stream(Job(files or {}, command, stdin), timeout_s))


def python(server: Loopback, code: str, *words: str) -> list[str]:
    return run(server, PYTHON, "-c", code, *words)


def test_is_found_by_its_file_name(server):
    assert "ssh" in transport_names()
    assert type(open_transport(server.device())).__name__ == "SshTransport"


def test_measures_artifacts(server, onnx_file, brief):
    found = list(measure(server.device(), "onnxruntime", [Artifact("a", onnx_file), Artifact("b", onnx_file)],
                         protocol=brief))
    assert [one.id for one in found] == ["a", "b"] and all(one.runs > 0 for one in found)


def test_mock_gives_what_it_gives_without_ssh_and_leaves_nothing_here(server, host, onnx_file, brief, monkeypatch):
    made: list[str] = []

    class Noted(tempfile.TemporaryDirectory):
        def __init__(self, **options) -> None:
            super().__init__(**options)
            made.append(self.name)

    monkeypatch.setattr("edgenas.measure.transports.ssh.tempfile.TemporaryDirectory", Noted)
    artifacts = [Artifact("a", onnx_file), Artifact("b", onnx_file)]
    found = [list(measure(device, "mock", artifacts, protocol=brief, interleave=True))
             for device in (server.device(), host)]
    assert found[0] == found[1] and [one.id for one in found[0]] == ["a", "b"]
    assert made and not any(Path(folder).exists() for folder in made) and not our_ssh()


def test_conditions_are_those_of_the_machine_reached(server):
    import onnxruntime
    found = probe(server.device(), "onnxruntime")
    assert found.version == onnxruntime.__version__
    assert found.machine["id"] == describe_machine()["id"]


def test_says_what_answers(server):
    assert re.fullmatch(r"Linux \S+ \S+ over ssh to loop", open_transport(server.device()).reach(30))


def test_files_lie_in_a_folder_of_the_job_and_only_as_long_as_it_runs(server, tmp_path):
    note, program = tmp_path / "note", tmp_path / "program"
    note.write_text("note")
    program.write_text("#!/bin/sh\npwd\necho \"$1\"\ncat 0/*note\ncat\n")
    program.chmod(0o755)
    name = "0/it's a \"$note\" `é` \\note"
    folder, *rest = run(server, "./program", "one word", files={name: note, "program": program}, stdin="given")
    assert rest == ["one word", "notegiven"]
    assert Path(folder).parent.parent == server.work and not Path(folder).exists()


def test_a_file_without_the_executable_bit_is_not_run(server, tmp_path):
    (tmp_path / "program").write_text("#!/bin/sh\n")
    with pytest.raises(DeviceError, match="'loop' cannot run './program': .*Permission denied"):
        run(server, "./program", files={"program": tmp_path / "program"})


def test_words_arrive_as_they_are_and_do_not_run(server, tmp_path):
    words = [f"; touch {tmp_path}/a", f"$(touch {tmp_path}/b)", f"'`touch {tmp_path}/c`'", f"\ntouch {tmp_path}/d\n",
             "~", "~/", "*", "--", "-n", "$HOME", "\\", "!!", "", "\t é ü \r", "#", "-rf"]
    assert json.loads(python(server, "import json, sys; print(json.dumps(sys.argv[1:]))", *words)[0]) == words
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("code", "message"), [
    ("sys.exit('no memory')", "the worker ended with exit status 1; its last words: no memory"),
    ("sys.exit(255)", "the worker ended with exit status 255"),
    ("os.kill(os.getpid(), 11)", "the worker was killed by SIGSEGV"),
    ("import numpie", "lacks the package 'numpie'"),
])
def test_a_job_that_fails_is_no_broken_connection(server, code, message):
    with pytest.raises(DeviceError) as caught:
        python(server, f"import os, sys\n{code}")
    assert message in caught.value.message and not isinstance(caught.value, LinkLost)


def test_silence_ends_the_job(server):
    with pytest.raises(DeviceError, match="^the worker gave no result for 1 s and was stopped$"):
        run(server, "sleep", "300", timeout_s=1)


def test_leaving_early_ends_the_job_and_removes_its_folder_before_going_on(server):
    job = Job({}, ("sh", "-c", "pwd; sleep 300 & sleep 300"))
    with closing(open_transport(server.device()).stream(job, 30)) as lines:
        folder = Path(next(lines))
        assert folder.exists() and len(processes_in(server.work)) >= 2
    assert not folder.parent.exists()


def configured(server: Loopback, name: str, *changes: tuple[str, str]) -> str:
    """A copy of the client's configuration with texts replaced; its path."""
    text = server.config.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = server.folder / name
    path.write_text(text)
    return str(path)


def wrong_key(server: Loopback) -> str:
    return configured(server, "wrong_key", ("client_key", "host_key"))


def unknown_host_key(server: Loopback) -> str:
    return configured(server, "unknown", ("known_hosts", "knows_none"))


def changed_host_key(server: Loopback) -> str:
    other = (server.folder / "client_key.pub").read_text()
    (server.folder / "knows_other").write_text(f"[127.0.0.1]:{server.port} {other}")
    return configured(server, "changed", ("known_hosts", "knows_other"))


def closed_port(server: Loopback) -> str:
    return configured(server, "closed", (f"Port {server.port}", "Port 1"))


def unknown_name(server: Loopback) -> str:
    return configured(server, "unnamed", ("HostName 127.0.0.1", "HostName no-such-host.invalid"))


def broken_config(server: Loopback) -> str:
    return configured(server, "broken", ("IdentitiesOnly", "IdentitiesOhnly"))


@pytest.mark.parametrize(("options", "message", "hint"), [
    (wrong_key, "'loop' lets nobody in with the keys that ssh offered", r"ssh -F \S+ loop true .*ssh-copy-id"),
    (unknown_host_key, "ssh does not know the host key of 'loop'", r"accept it: ssh -F \S+ loop$"),
    (changed_host_key, "the host key of 'loop' is another than the one ssh knows", r"ssh-keygen -R .*ssh -F \S+ loop$"),
    (closed_port, "'loop' refuses the connection: nothing listens on its ssh port", r"ssh -F \S+ loop true$"),
    (unknown_name, "no host is known by the name 'loop'", "options.host"),
    (broken_config, "ssh cannot use its configuration: .*identitiesohnly", "ssh -F"),
    ({"folder": "/no/such/place"}, "no folder can be made under '/no/such/place' on 'loop': .*No such file",
     "options.folder"),
    ({"python": "python9"}, "'loop' has no program 'python9'", "options.python"),
])
def test_what_is_wrong_is_said_in_one_sentence(server, options, message, hint, monkeypatch):
    if not isinstance(options, dict):
        monkeypatch.setenv("EDGENAS_SSH_CONFIG", options(server))
    known = options if isinstance(options, dict) else {}
    with pytest.raises(DeviceError, match=message) as caught:
        probe(server.device(**known), "mock")
    assert re.search(hint, caught.value.hint) and caught.value.exit_code == 4
    assert "\n" not in caught.value.message and not isinstance(caught.value, LinkLost)
    if not known:
        with pytest.raises(DeviceError, match=message):
            open_transport(server.device(**known)).reach(30)


def test_what_the_users_configuration_shares_or_runs_changes_nothing(server, monkeypatch):
    sharing = ("Host loop\n", "Host loop\n  ControlMaster auto\n  ControlPersist 60\n"
               f"  ControlPath {server.folder}/m-%C\n  LogLevel QUIET\n  RequestTTY force\n  RemoteCommand echo no\n")
    monkeypatch.setenv("EDGENAS_SSH_CONFIG", configured(server, "sharing", sharing))
    assert run(server, "echo", "a result") == ["a result"]
    assert open_transport(server.device()).reach(30).startswith("Linux")
    assert not list(server.folder.glob("m-*")) and not our_ssh()
    monkeypatch.setenv("EDGENAS_SSH_CONFIG", configured(server, "quiet", sharing, ("known_hosts", "knows_none")))
    with pytest.raises(DeviceError, match="ssh does not know the host key of 'loop'"):
        run(server, "true")


def test_a_host_key_is_never_accepted_by_itself(server, monkeypatch):
    monkeypatch.setenv("EDGENAS_SSH_CONFIG", unknown_host_key(server))
    with pytest.raises(DeviceError):
        probe(server.device(), "mock")
    assert not (server.folder / "knows_none").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_full_disk_is_told_with_both_figures(server, tmp_path):
    disk, big = tmp_path / "disk", tmp_path / "big"
    disk.mkdir()
    big.write_bytes(bytes(1 << 20))
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(disk)], capture_output=True)
    if made.returncode:
        pytest.skip("no disk can be mounted in this container")
    try:
        with pytest.raises(DeviceError, match=r"the disk of 'loop' is full: the files take 1032 KiB under "
                                              rf"'{disk}', and 512 KiB are free"):
            run(server, "true", files={"big": big}, folder=str(disk))
        assert not list(disk.iterdir())
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_file_that_is_gone_is_named(server, tmp_path):
    with pytest.raises(UsageError, match="cannot read .*gone: No such file"):
        run(server, "true", files={"gone": tmp_path / "gone"})


STALLING = """
class Session(Session):
    def __init__(self, path, threads):
        super().__init__(path, threads)
        name = os.path.basename(path)[0]
        with open(NOTES + "/log", "a") as log:
            log.write(f"{name} {os.getpid()}\\n")
        if name == "b" and not os.path.exists(NOTES + "/stalled"):
            open(NOTES + "/stalled", "w").close()
            import subprocess
            subprocess.run(["sleep", "300"])
"""


class Batch:
    """Artifacts a to d; the worker stalls when it first comes to b."""

    def __init__(self, runner, notes: Path) -> None:
        self.notes = notes
        self.script = runner(f"NOTES = {str(notes)!r}{STALLING}")
        self.artifacts = [Artifact(name, notes / f"{name}.onnx") for name in "abcd"]
        for artifact in self.artifacts:
            artifact.path.touch()

    def started(self) -> str:
        return "".join(line.split()[0] for line in (self.notes / "log").read_text().splitlines())

    def workers(self) -> list[int]:
        return [int(line.split()[1]) for line in (self.notes / "log").read_text().splitlines()]

    def stall(self) -> None:
        assert soon((self.notes / "stalled").exists)


@pytest.fixture
def batch(runner, tmp_path) -> Batch:
    return Batch(runner, tmp_path)


def our_ssh() -> list[int]:
    return [pid for pid in children(os.getpid()) if b"-M\0" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def kill_ssh(server: Loopback) -> None:
    [pid] = our_ssh()
    os.kill(pid, signal.SIGKILL)


def kill_sessions(server: Loopback) -> None:
    for pid in server.sessions():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("kill", [kill_ssh, kill_sessions])
def test_a_broken_connection_is_made_again_and_nothing_is_lost_or_measured_twice(server, batch, brief, kill):
    troubles: list[str] = []
    found = measure(server.device(), "mock", batch.artifacts, protocol=brief, on_trouble=troubles.append)
    names = [next(found).id]
    batch.stall()
    kill(server)
    names += [one.id for one in found]
    assert names == ["a", "b", "c", "d"]
    assert batch.started() == "abbcd"       # b was begun twice and measured once
    assert troubles == ["loop: the connection to 'loop' broke; trying again in 0.1 s, 3 left to measure"]


def test_a_connection_that_breaks_while_the_files_arrive_is_made_again(server, onnx_file, brief, monkeypatch):
    real = transport_ssh.unpack_script
    scripts = [lambda folder, limit_s: f"cd {folder} && exec sleep 300", real]
    monkeypatch.setattr(transport_ssh, "unpack_script", lambda *args: scripts.pop(0)(*args))
    killer = threading.Thread(target=lambda: soon(lambda: "sleep" in map(name_of, processes_in(server.work)))
                              and kill_ssh(server))
    killer.start()
    found = list(measure(server.device(), "mock", [Artifact("a", onnx_file)], protocol=brief))
    killer.join()
    assert [one.id for one in found] == ["a"] and not scripts


def test_a_device_that_starts_anew_is_waited_for(server, batch, brief):
    troubles: list[str] = []

    def back_at_last(text: str) -> None:
        troubles.append(text)
        if len(troubles) == 3:
            server.start()

    found = measure(server.device(), "mock", batch.artifacts, protocol=brief, on_trouble=back_at_last)
    names = [next(found).id]
    batch.stall()
    server.stop()
    names += [one.id for one in found]
    assert names == ["a", "b", "c", "d"]
    assert ["refuses the connection" in text for text in troubles] == [False, True, True]


def test_a_device_that_stays_away_is_given_up_and_what_was_measured_is_kept(server, batch, brief):
    found = measure(server.device(), "mock", batch.artifacts, protocol=brief)
    assert next(found).id == "a"
    batch.stall()
    server.stop()
    try:
        with pytest.raises(LinkLost, match="^'b' could not be measured with mock on loop: 'loop' refuses") as caught:
            next(found)
        assert caught.value.hint.startswith("start its ssh server")
    finally:
        server.start()


def test_what_the_device_did_not_notice_is_ended_before_it_goes_on(server, batch, brief):
    """The line is cut: the server's side of it stays open, and the worker there runs on."""
    frozen: list[int] = []
    ended: list[bool] = []

    def look(text: str) -> None:
        ended.append(all(not Path(f"/proc/{pid}/cwd").exists() for pid in batch.workers()))

    found = measure(server.device(), "mock", batch.artifacts, protocol=brief, on_trouble=look)
    assert next(found).id == "a"
    batch.stall()
    frozen += server.sessions()
    try:
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        kill_ssh(server)
        stalled = processes_in(server.work)
        assert next(found).id == "b"
        assert ended == [False]             # when the connection broke it was still running, ...
        assert not set(stalled) & set(processes_in(server.work))    # ... and now it is not
        assert [one.id for one in found] == ["c", "d"]
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGKILL)


MEASURING = """
import sys
from dataclasses import replace
from pathlib import Path
from edgenas.measure import measure
from edgenas.measure.device import Device
from edgenas.measure.job import Artifact
mock = replace(measure.load_runtime("mock"), file=Path(sys.argv[2]), clock=None)
measure.load_runtime = lambda name: mock
device = Device.model_validate_json(sys.argv[1])
try:
    list(measure.measure(device, "mock", [Artifact("b", Path(sys.argv[3]))]))
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.parametrize(("number", "says"), [(signal.SIGINT, b"interrupted\n"), (signal.SIGKILL, b"")])
def test_stopping_this_process_leaves_nothing_on_the_device(server, batch, number, says):
    process = subprocess.Popen([sys.executable, "-c", MEASURING, server.device().model_dump_json(), batch.script,
                                str(batch.artifacts[1].path)], stdout=subprocess.PIPE)
    batch.stall()
    [ssh] = [pid for pid in children(process.pid) if b"-M\0" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    socket = Path(Path(f"/proc/{ssh}/cmdline").read_text().split("\0-S\0")[1].split("\0")[0])
    assert processes_in(server.work)
    process.send_signal(number)
    assert process.communicate(timeout=30)[0] == says
    assert soon(lambda: not processes_in(server.work) and not list(server.work.iterdir()))
    assert soon(lambda: not Path(f"/proc/{ssh}/cwd").exists())
    assert socket.is_absolute() and not socket.parent.exists()


def test_what_a_login_shell_says_is_no_result(server, monkeypatch):
    """As `echo hello` in a .bashrc would: text before the script's own first line."""
    script = transport_ssh.job_script
    monkeypatch.setattr(transport_ssh, "job_script", lambda *args: f"echo hello; echo /tmp/edgenas-x\n{script(*args)}")
    assert run(server, "echo", "a result") == ["a result"]


@pytest.mark.parametrize("says", ["echo nothing for you", "seq 2000; read go"])
def test_one_that_runs_nothing_is_an_error(server, monkeypatch, says):
    monkeypatch.setattr(transport_ssh, "job_script", lambda *args: says)
    with pytest.raises(DeviceError, match="the shell of 'loop' does not run what it is told"):
        run(server, "true")


def test_all_that_is_remote_is_limited_there(server, monkeypatch):
    [line] = run(server, "sh", "-c", "tr '\\0' ' ' </proc/$PPID/cmdline", timeout_s=7)
    assert line.startswith("timeout -s KILL 14 sh -c ")
    script = transport_ssh.job_script
    monkeypatch.setattr(transport_ssh, "job_script",
                        lambda token, root, command, limit_s, left: script(token, root, command, 1, left))
    with pytest.raises(DeviceError, match="the worker was killed by SIGKILL"):
        run(server, "sleep", "300", timeout_s=20)
