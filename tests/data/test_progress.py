from __future__ import annotations

import pytest

from edgenas.data import progress


class Terminal(progress.Console):
    def __init__(self, stderr: bool) -> None:
        assert stderr
        super().__init__(stderr=True, force_terminal=True, width=80)


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress, "Console", Terminal)


def test_items_pass_unchanged_and_nothing_is_shown_without_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr(progress, "PATIENCE_S", -1)
    assert list(progress.tracked(range(5), 5, "reading")) == [0, 1, 2, 3, 4]
    assert capsys.readouterr() == ("", "")


def test_what_is_fast_shows_nothing(terminal, capsys):
    assert list(progress.tracked("abc", 3, "reading")) == ["a", "b", "c"]
    assert capsys.readouterr() == ("", "")


def test_what_is_slow_shows_a_bar_on_stderr_only(terminal, monkeypatch, capsys):
    monkeypatch.setattr(progress, "PATIENCE_S", -1)
    assert list(progress.tracked(range(4), 4, "reading images")) == [0, 1, 2, 3]
    out, err = capsys.readouterr()
    assert out == ""
    assert "reading images" in err
    assert "75%" in err
