from __future__ import annotations

import platform
from pathlib import Path

import pytest

from edgenas.errors import DeviceError
from edgenas.measure.programs import emulator, fate, processor, signal_of


@pytest.mark.parametrize(("status", "words", "text"), [
    (2, "no such layer", "the program ended with exit status 2: no such layer"),
    (139, "", "the program was killed by SIGSEGV"),
    (132, "Illegal instruction", "the program was killed by SIGILL: Illegal instruction"),
    (137, "", "the program was killed: it took too much time or memory"),
    (255, "", "the program ended with exit status 255"),
])
def test_how_a_program_ended(status, words, text):
    assert fate(status, words) == text


def test_which_statuses_are_signals():
    assert [signal_of(status) for status in (0, 1, 127, 128, 129, 143, 255)] == [0, 0, 0, 0, 1, 15, 0]


def test_the_processor_of_a_program(tmp_path):
    assert processor(Path("/bin/sh")) == platform.machine()
    path = tmp_path / "net.bin"
    head = bytearray(Path("/bin/sh").read_bytes()[:64])
    head[18:20] = b"\xb7\x00"
    path.write_bytes(head)
    assert processor(path) == "aarch64"


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"#!/bin/sh\nexit 0 # and more\n", b"\x7fELF" + bytes(60)])
def test_what_is_no_program(tmp_path, content):
    path = tmp_path / "net.bin"
    path.write_bytes(content)
    with pytest.raises(DeviceError, match="net.bin is no program") as caught:
        processor(path)
    assert caught.value.hint == "export it again with --format binary"


def test_what_runs_a_program_here(monkeypatch):
    assert emulator(platform.machine()) == []
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}" if name == "qemu-riscv64-static" else None)
    assert emulator("riscv64") == ["/usr/bin/qemu-riscv64-static"]
    with pytest.raises(DeviceError, match="for arm, and this machine is .* without an emulator") as caught:
        emulator("arm")
    assert caught.value.hint == "apt install qemu-user-static"
