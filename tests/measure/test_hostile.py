"""Children that are hostile or broken, through the one reader of all of them."""

from __future__ import annotations

import os
import subprocess
import time

import psutil
import pytest

from edgenas.errors import DeviceError
from edgenas.measure import child_output, process
from edgenas.measure.child_output import Excess
from edgenas.measure.process import Ended, Silent, complete, running, stream_lines

from . import hostile


@pytest.fixture(autouse=True)
def low_limits(monkeypatch):
    """So that a test takes no second to reach them."""
    for name, limit in {"LINE_LIMIT": 200_000, "ERRORS_LIMIT": 1 << 20}.items():
        monkeypatch.setattr(child_output, name, limit)
    monkeypatch.setattr(process, "OUTPUT_LIMIT", 1 << 20)


def lines(code: str, folder: object = None, timeout_s: float = 30, limit_s: float = 30) -> list[str]:
    return list(stream_lines(hostile.command(code), b"", timeout_s, str(folder) if folder else None, limit_s))


@pytest.mark.parametrize(("code", "error", "message"), [
    (hostile.ENDLESS_OUTPUT, Excess, "wrote without end"),
    (hostile.ENDLESS_ERRORS, Excess, "wrote without end and was stopped; its last words: eee"),
    (hostile.ENDLESS_LINE, Excess, "a line longer than 200000 bytes"),
    (hostile.GARBAGE, Ended, "the worker ended with exit status 1"),
    (hostile.ESCAPES, Ended, r"its last words: \\x1b\[2J\\x1b\]0;owned\\x07"),
])
def test_ends_with_one_sentence(code, error, message):
    with pytest.raises(error, match=message) as caught:
        lines(code)
    assert caught.value.message.isprintable() and len(caught.value.message) < 600


def test_more_lines_than_anyone_reads(monkeypatch):
    monkeypatch.setattr(child_output, "LINES_LIMIT", 100_000)
    with pytest.raises(Excess, match="more than 100000 lines, such as b'y'"):
        lines(hostile.ENDLESS_OUTPUT)


def test_a_drip_has_a_deadline_in_all():
    with pytest.raises(Silent, match="the worker was not done after 0.3 s and was stopped"):
        lines(hostile.DRIP, timeout_s=0.2, limit_s=0.3)


def test_one_that_closes_its_output_and_lives_on_is_stopped():
    with pytest.raises(Silent, match="gave no result for 0.2 s"):
        lines(hostile.DEAF, timeout_s=0.2)


def test_a_grandchild_that_holds_the_output_open_is_not_waited_for():
    start = time.monotonic()
    assert lines(hostile.HOLDER) == ["valid"]
    assert time.monotonic() - start < 20


def test_a_grandchild_in_a_session_of_its_own_has_ended_too(tmp_path):
    assert len(lines(hostile.RUNAWAY, tmp_path)) == 1
    pid = int((tmp_path / "runaway").read_text())
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_endless_errors_keep_no_disk_and_little_memory(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    before = psutil.Process().memory_info().rss
    with pytest.raises(Excess):
        lines(hostile.ENDLESS_ERRORS)
    assert not list(tmp_path.iterdir()) and psutil.Process().memory_info().rss - before < 64 << 20


def test_errors_are_read_while_nobody_asks(tmp_path):
    """A worker that waited for a reader of its errors would time that."""
    code = "os.write(2, b'e' * 500_000); open('done', 'w').close(); time.sleep(60)"
    with running(hostile.command(code), subprocess.DEVNULL, 30, str(tmp_path)):
        deadline = time.monotonic() + 20
        while not (tmp_path / "done").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert (tmp_path / "done").exists()


def test_a_gap_of_the_clock_is_no_silence():
    """This process was stopped, or the machine slept, for an hour."""
    patience = child_output.Patience(300, 600)
    patience.spend(3600)
    assert patience.left_s > 0
    for _ in range(600):
        patience.spend(0.5)
    assert patience.left_s == 0


@pytest.mark.parametrize(("code", "error"), [
    (hostile.ENDLESS_OUTPUT, Excess), (hostile.ENDLESS_ERRORS, Excess), (hostile.DEAF, Silent), (hostile.DRIP, Silent)])
def test_a_program_that_is_run_to_its_end_is_limited_too(code, error):
    with pytest.raises(error):
        complete(hostile.command(code), 0.5 if error is Silent else 30)


def test_a_program_that_is_run_to_its_end():
    code = "os.write(2, b'first' + b'.' * 9000 + b'last'); print(sys.stdin.read()); sys.exit(3)"
    done = complete(hostile.command(code), 30, b"given", env={"PATH": os.defpath})
    assert (done.status, done.said, done.first[:5], done.words[-4:]) == (3, b"given\n", "first", "last")


def test_a_name_with_a_null_character_starts_nothing():
    with pytest.raises(DeviceError, match="cannot start"):
        complete(["a\0b"], 1)
