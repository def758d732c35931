"""The stand-in arm64 board over adb: a real adbd, and an adb server of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from board import ROOT, free_port, tools

from edgenas.measure.device import Device

ADBD = Path(os.environ.get("EDGENAS_BOARD_ADBD", "/var/tmp/board/adbd"))
EMULATORS = range(5554, 5587)
"""Ports that every adb server looks for emulators on."""


@dataclass(frozen=True)
class AdbBoard:
    folder: Path
    state: Path
    port: int

    @property
    def serial(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def server(self) -> int:
        return self.port + 1

    @property
    def jobs(self) -> str:
        """Where jobs go: boards of one root file system share their files."""
        return f"/data/local/tmp/{self.port}"

    def device(self, *runtimes: str, **options: str | int) -> Device:
        own: dict[str, str | int] = {"serial": self.serial, "server": self.server, "folder": self.jobs}
        return Device(name="phone", description="a stand-in phone", transport="adb", runtimes=runtimes,
                      target="aarch64", options=own | options)

    def start(self) -> None:
        # Its output goes to a file: a pipe would stay open as long as the board runs.
        with (self.state / "start.log").open("wb") as log:
            done = subprocess.run([self.folder / "start-adbd.sh", ROOT, ADBD, str(self.port), self.state], stdout=log,
                                  stderr=log)
        assert done.returncode == 0, (self.state / "start.log").read_text()

    def stop(self) -> None:
        subprocess.run([self.folder / "stop-adbd.sh", self.state], check=True, capture_output=True)

    def kill_server(self) -> None:
        subprocess.run(["adb", "-P", str(self.server), "kill-server"], check=True, capture_output=True)

    def shell(self, command: str) -> str:
        return subprocess.run([self.folder / "adb-in-board.sh", self.state, "shell", command], check=True,
                              capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def adb_board(tmp_path_factory) -> Iterator[AdbBoard]:
    """Any adb server that is started meanwhile has the board's key."""
    folder = tools()
    if not (ADBD / "adbd").is_file() or not shutil.which("adb"):
        pytest.skip(f"there is no adb, or no adbd was built in {ADBD} (build-adbd.sh; EDGENAS_BOARD_ADBD)")
    port = next(port for _ in range(100) if (port := free_port()) not in EMULATORS and port + 1 not in EMULATORS)
    board = AdbBoard(folder, tmp_path_factory.mktemp("adb"), port)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(board.state))
        patch.setenv("ADB_VENDOR_KEYS", str(board.state / "adbkey"))
        board.start()
        try:
            board.shell(f"mkdir {board.jobs}")
            yield board
        finally:
            board.shell(f"rm -rf {board.jobs}")
            board.stop()
