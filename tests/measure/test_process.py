from __future__ import annotations

import subprocess
import sys
import time

import psutil
import pytest

from edgenas.errors import DeviceError
from edgenas.measure.child_output import LINE_LIMIT
from edgenas.measure.process import Ended, Silent, running, stream_lines


def stream(code: str, stdin: bytes = b"", timeout_s: float = 30):
    return stream_lines([sys.executable, "-c", "import os, sys, time\n" + code], stdin, timeout_s)


def test_lines_come_as_they_are_printed():
    lines = stream("print('first\\nsecond', flush=True); time.sleep(60)")
    start = time.monotonic()
    assert [next(lines), next(lines)] == ["first", "second"]
    lines.close()
    assert time.monotonic() - start < 30


def test_input_of_any_length_arrives():
    assert list(stream("print(len(sys.stdin.read()))", b"x" * 1_000_000)) == ["1000000"]


def test_a_last_line_that_was_cut_short_is_given():
    assert list(stream("print('whole'); print('cut', end='')")) == ["whole", "cut"]


def test_bytes_that_are_no_text_are_given_as_such():
    assert list(stream("os.write(1, b'\\xff\\n')")) == ["\N{REPLACEMENT CHARACTER}"]


@pytest.mark.parametrize(("code", "message"), [
    ("sys.exit(3)", "the worker ended with exit status 3"),
    ("sys.exit('no\\nmemory')", "the worker ended with exit status 1; its last words: no\nmemory"),
    ("os.kill(os.getpid(), 9)", "the worker was killed by SIGKILL"),
    ("os.kill(os.getpid(), 40)", "the worker was killed by signal 40"),
    ("os.close(1); time.sleep(60)", "the worker gave no result for 0.5 s and was stopped"),
    ("time.sleep(60)", "the worker gave no result for 0.5 s and was stopped"),
    ("while True: os.write(1, b'.'); time.sleep(0.01)", "the worker gave no result for 0.5 s and was stopped"),
])
def test_death_and_silence_are_errors(code, message):
    with pytest.raises(DeviceError) as caught:
        list(stream(code, timeout_s=0.5))
    assert caught.value.message == message


def test_only_the_tail_of_the_last_words_is_shown():
    with pytest.raises(DeviceError) as caught:
        list(stream("sys.exit('a' * 100_000 + 'b')"))
    assert caught.value.message.endswith("ab") and len(caught.value.message) < 500


def test_a_line_without_end_is_refused():
    with pytest.raises(DeviceError, match=f"a line longer than {LINE_LIMIT} bytes: b'xxx"):
        list(stream("while True: sys.stdout.write('x' * 100_000)"))


def test_a_program_that_is_not_there_is_a_device_error():
    with pytest.raises(DeviceError, match="cannot start 'no-such-program'"):
        list(stream_lines(["no-such-program"], b"", 1))


def test_a_status_and_the_last_words_can_be_told_apart():
    with pytest.raises(Ended) as caught:
        list(stream("sys.exit('a' * 1000)"))
    assert (caught.value.status, caught.value.words) == (1, "a" * 1000)


ECHO = """
for line in sys.stdin:
    print(line, end="", flush=True)
if len(sys.argv) > 1: time.sleep(60)
open("ended", "w").close()
"""


def talk(folder, *words: str, timeout_s: float = 30, grace_s: float = 30):
    command = [sys.executable, "-c", "import sys, time\n" + ECHO, *words]
    return running(command, subprocess.PIPE, timeout_s, str(folder), grace_s)


def test_one_with_a_pipe_is_spoken_to_and_ends_by_itself_when_it_is_closed(tmp_path):
    with talk(tmp_path) as process:
        lines = process.lines()
        for said in ("first", "second"):
            process.say(said)
            assert next(lines) == said
        assert not (tmp_path / "ended").exists()
    assert (tmp_path / "ended").exists()


def test_one_that_does_not_end_in_time_is_ended(tmp_path):
    start = time.monotonic()
    with talk(tmp_path, "stay", grace_s=0.2) as process:
        process.say("here")
        assert next(process.lines()) == "here"
    assert time.monotonic() - start < 30 and not (tmp_path / "ended").exists()


def test_patience_may_change_between_lines(tmp_path):
    with talk(tmp_path) as process:
        lines = process.lines()
        process.say("first")
        assert next(lines) == "first"
        process.allow(0.2)
        with pytest.raises(Silent, match="gave no result for 0.2 s"):
            next(lines)


def test_speaking_to_one_that_has_ended_is_no_error_yet():
    with running(["false"], subprocess.PIPE, 30) as process:
        lines = process.lines()
        with pytest.raises(Ended, match="ended with exit status 1"):
            next(lines)
        process.say("anyone?")


def test_children_in_groups_of_their_own_have_ended_too():
    """`timeout` makes a group for what it runs."""
    script = "timeout 60 sh -c 'echo $$; exec sleep 60' & wait"
    lines = stream_lines(["sh", "-c", script], b"", 30)
    child = int(next(lines))
    assert psutil.pid_exists(child)
    lines.close()
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE
