"""The stand-in arm64 board: its tools' folder is EDGENAS_BOARD, what they built lies where the other variables say."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgenas.measure.device import Device

ROOT = Path(os.environ.get("EDGENAS_BOARD_ROOT", "/var/tmp/board/root"))


def tools() -> Path:
    """The folder of the board's scripts; skips the test, saying why, if there is no board to start."""
    folder = Path(os.environ.get("EDGENAS_BOARD", ""))
    if not os.environ.get("EDGENAS_BOARD"):
        pytest.skip("EDGENAS_BOARD does not say where the arm64 board's tools are")
    if not (folder / "start-sshd.sh").is_file():
        pytest.skip(f"EDGENAS_BOARD is {folder}, which has no start-sshd.sh")
    if not (ROOT / ".board-done").exists():
        pytest.skip(f"no board was built in {ROOT} (make-rootfs.sh and add-wheels.sh; EDGENAS_BOARD_ROOT)")
    if os.geteuid() != 0 or platform.machine() != "x86_64" or not shutil.which("unshare"):
        pytest.skip("the board is started as root on x86-64 Linux")
    return folder


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def ssh_board(tmp_path_factory) -> Iterator[Callable[..., Device]]:
    """`ssh_board(runtimes, **options)`: the board, reached over ssh, as a device."""
    folder, state = tools(), tmp_path_factory.mktemp("board")
    # Its output goes to a file: a pipe would stay open as long as the board runs.
    with (state / "start.log").open("wb") as log:
        started = subprocess.run([folder / "start-sshd.sh", ROOT, str(free_port()), state], stdout=log, stderr=log)
    try:
        assert started.returncode == 0, (state / "start.log").read_text()

        def device(*runtimes: str, **options: object) -> Device:
            return Device(name="board", description="a stand-in arm64 board", transport="ssh", runtimes=runtimes,
                          options={"host": "board"} | options)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("EDGENAS_SSH_CONFIG", str(state / "ssh_config"))
            yield device
    finally:
        subprocess.run([folder / "stop-sshd.sh", state], check=True)
