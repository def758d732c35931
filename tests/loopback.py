"""An ssh server of a test's own on 127.0.0.1, with its own keys and configuration, and devices that it stands for."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgenas.measure.device import Device

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
MISSING = "" if SSHD and shutil.which("ssh") else "needs ssh and sshd (Debian: apt-get install openssh-server)"
SERVER = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/client_key.pub
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
UsePAM no
PidFile none
MaxStartups 100
"""
CLIENT = """\
Host loop
  HostName 127.0.0.1
  Port {port}
  User {user}
  IdentityFile {folder}/client_key
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile {folder}/known_hosts
  GlobalKnownHostsFile /dev/null
"""


@dataclass
class Loopback:
    """Its configuration and keys are in `folder`; jobs go to `work`."""

    folder: Path
    work: Path
    port: int
    listener: subprocess.Popen[bytes] | None = None

    @property
    def config(self) -> Path:
        return self.folder / "ssh_config"

    def device(self, **options: object) -> Device:
        """Reached with the configuration that EDGENAS_SSH_CONFIG names: a test sets it."""
        known = {"host": "loop", "python": sys.executable, "folder": str(self.work)}
        return Device(name="loop", description="loopback", transport="ssh",
                      runtimes=("onnxruntime", "mock", "litert"), options=known | options)

    def start(self) -> None:
        log = self.folder / "sshd.log"
        with log.open("ab") as errors:
            self.listener = subprocess.Popen([str(SSHD), "-D", "-e", "-f", str(self.folder / "sshd_config")],
                                             stdin=subprocess.DEVNULL, stderr=errors, start_new_session=True)
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            assert self.listener.poll() is None, log.read_text()
            time.sleep(0.05)
        raise AssertionError(log.read_text())

    def stop(self) -> None:
        """As when the device is switched off: no session survives."""
        if self.listener is not None:
            for pid in [*self.sessions(), self.listener.pid]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.listener.wait()
            self.listener = None

    def sessions(self) -> list[int]:
        """The server's processes, one or two per connection."""
        assert self.listener is not None
        first = children(self.listener.pid)
        return [*first, *(pid for parent in first for pid in children(parent) if name_of(pid) == "sshd")]


def children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def name_of(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip().split("-")[0]
    return ""


def processes_in(folder: Path) -> list[int]:
    """Those whose working folder lies there, or did until it was removed."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.readlink(process / "cwd").startswith(str(folder)):
                found.append(int(process.name))
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def loopback(folder: Path) -> Iterator[Loopback]:
    """A running server. As root, sshd wants its /run/sshd, which is made if it is not there."""
    work, port = folder / "work", free_port()
    work.mkdir(parents=True)
    for name in ("host_key", "client_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    key = (folder / "host_key.pub").read_text()
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {key}")
    (folder / "sshd_config").write_text(SERVER.format(port=port, folder=folder))
    (folder / "ssh_config").write_text(CLIENT.format(port=port, folder=folder, user=getpass.getuser()))
    needs_run = os.geteuid() == 0 and not Path("/run/sshd").exists()
    if needs_run:
        Path("/run/sshd").mkdir(mode=0o755)
    server = Loopback(folder, work, port)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        if needs_run:
            with contextlib.suppress(OSError):
                Path("/run/sshd").rmdir()
