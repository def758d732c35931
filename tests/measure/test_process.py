from __future__ import annotations

import sys
import time

import pytest

from edgenas.errors import DeviceError
from edgenas.measure.process import LINE_LIMIT, stream_lines


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
