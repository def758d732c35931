from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from flow.flows import edgenas, succeed

from edgenas.cli.show_device import print_step
from edgenas.errors import DeviceError
from edgenas.flow.step import Step
from edgenas.measure.transports.local import LocalTransport

BOARD = 'name = "board"\ndescription = "A [/]board"\nruntimes = ["mock"]\n'


@pytest.fixture
def board(tmp_path) -> Path:
    (tmp_path / "board.toml").write_text(BOARD)
    return tmp_path / "board.toml"


def test_without_a_command_they_are_listed():
    assert succeed("devices").out == succeed("devices", "list").out
    assert succeed("devices", "--json").document == succeed("devices", "list", "--json").document


def test_an_option_before_the_command_is_not_ignored():
    edgenas("devices", "--json", "show", "host").refused(2, "--json stands before 'show'", "devices show --json")


def test_show(tmp_path):
    shown = succeed("devices", "show", "mock", "--profiles", tmp_path)
    for text in ("mock.toml", "onnx", "fp32", "measured", "local", "No device"):
        assert text in shown.out, text
    document = succeed("devices", "show", "mock", "--profiles", tmp_path, "--json").document
    assert set(document) == {"device", "path", "runtimes", "profiles"} and document["path"].endswith("mock.toml")


def test_show_a_file_of_the_users_own(board, tmp_path):
    shown = succeed("devices", "show", board, "--profiles", tmp_path)
    assert str(board) in shown.out and "A [/]board" in shown.out


def test_check(board, tmp_path):
    shown = succeed("devices", "check", board, "--profiles", tmp_path)
    lines = shown.out.splitlines()
    assert lines[0].startswith("ok       file") and str(board) in lines[0]
    assert any(line.startswith("ok       runtime mock") for line in lines)
    assert "try: edgenas profile --device board --runtime mock" in shown.out and shown.err == ""
    document = succeed("devices", "check", board, "--profiles", tmp_path, "--json").document
    assert document["ok"] and [step["name"] for step in document["steps"]] == [
        "file", "reach", "runtime mock", "machine", "profile mock"]


def test_a_step_that_failed_is_status_4(board, monkeypatch):
    def refuse(self, timeout_s):
        raise DeviceError("nothing answers", "switch it on")

    monkeypatch.setattr(LocalTransport, "reach", refuse)
    shown = edgenas("devices", "check", board)
    assert shown.code == 4 and "failed   reach" in shown.out and "try: switch it on" in shown.out
    document = edgenas("devices", "check", board, "--json")
    assert document.code == 4 and not document.document["ok"] and len(document.document["steps"]) == 5


def test_a_bad_file_is_status_2(board):
    board.write_text(BOARD.replace("runtimes", "runtime"))
    for command in ("show", "check"):
        edgenas("devices", command, board).refused(2, "'runtime' is no known key of a device",
                                                   "did you mean 'runtimes'?")


def test_what_a_device_says_is_no_markup(monkeypatch):
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    print_step(Step("machine", "ok", "[/red] a processor " + "x" * 200))
    assert out.getvalue() == f"ok       machine                    [/red] a processor {'x' * 200}\n"
