from __future__ import annotations

import io
import sys

import pytest

from edgenas.cli import terminal
from edgenas.cli.terminal import Terminal


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now[0])
    return now


def test_without_a_terminal_there_is_a_line_now_and_then(clock, capsys):
    with Terminal() as shown:
        shown.start("profile", 10, done=2)
        for step in range(8):
            clock[0] += 4.0
            shown.advance(f"block {step}")
        shown.say("[bold] is no markup")
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["profile: 8 steps", "profile: 5/10, about 20 s left  block 2",
                     "profile: 8/10, about 8 s left  block 5", "profile: 10/10, about 0 s left  block 7",
                     "[bold] is no markup"]


def test_work_that_is_done_is_not_announced(clock, capsys):
    with Terminal() as shown:
        shown.start("search", 5, done=5)
    assert capsys.readouterr().err == ""


def test_on_a_terminal_there_is_a_bar(monkeypatch):
    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    with Terminal() as shown:
        shown.start("train", 2)
        shown.advance("loss 1.0")
        shown.say("[half] done")
        shown.advance("loss 0.5")
    text = screen.getvalue()
    assert "train" in text and "2/2" in text and "[half] done" in text and "loss 0.5" in text


def test_the_bar_ends_with_an_error(monkeypatch):
    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    with pytest.raises(KeyboardInterrupt), Terminal() as shown:
        shown.start("train", 2)
        raise KeyboardInterrupt
    assert screen.getvalue().endswith("\x1b[?25h") or "\x1b[?25h" in screen.getvalue()  # the cursor is back


def test_lines_beside_each_other_tell_of_their_own_work(capsys):
    with Terminal() as terminal:
        one, two = terminal.beside(), terminal.beside()
        one.start("one", 1)
        two.start("two", 2)
        one.advance("a")
        two.advance("b")
    said = capsys.readouterr().err
    assert "one: 1/1" in said and "two: 2/2" not in said


def test_what_starts_within_other_work_is_done_before_that_goes_on(capsys):
    progress = Terminal()
    progress.start("outer", 2)
    progress.start("inner", 1)
    progress.advance("one")
    progress.advance("two")
    progress.start("other", 1)
    progress.advance("three")
    progress.advance("four")
    lines = [line for line in capsys.readouterr().err.splitlines() if "/" in line]
    assert lines == [f"{label}: {done}, about 0 s left  {note}" for label, done, note in [
        ("inner", "1/1", "one"), ("other", "1/1", "three"), ("outer", "2/2", "four")]]
