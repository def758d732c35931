"""Text of unknown origin is printable, on as few lines and as short as it should be."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edgenas.errors import LONGEST, UsageError, unknown
from edgenas.text import QUOTED, one_line, printable, quoted


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    shown = printable(text)
    assert all(c.isprintable() or c in "\n\t" or c.isspace() for c in shown)
    assert printable(shown) == shown


def test_escapes_bells_and_marks_that_turn_text_round_are_written_out() -> None:
    assert printable("\x1b[2Ja\x07\u202eb\r") == "\\x1b[2Ja\\x07\\u202eb\\r"
    assert printable("\udc80") == "\\udc80"
    assert printable("Grüße, 世界\n\tok") == "Grüße, 世界\n\tok"


def test_long_text_is_cut() -> None:
    assert printable("a" * 10, 5) == "aaaa…"
    assert printable("abc", 3) == "abc"
    assert quoted("x" * 1000, 5) == "'xxxxx…'"
    assert len(quoted(list(range(10_000)))) <= 208


def test_one_line_folds_white_space() -> None:
    assert one_line("a\n  b\t\r\nc ") == "a b c"


def test_errors_are_printable_and_bounded() -> None:
    error = UsageError("\x1b]0;title\x07" + "a" * 10_000, hint="\x9b31m")
    assert "\x1b" not in error.message and len(error.message) < LONGEST + 20
    assert error.hint == "\\x9b31m" and str(error) == error.message


def test_a_value_in_a_message_is_cut_to_one_length_however_it_got_there() -> None:
    path = "/folder" * 100 + "/name.onnx"
    for message in (UsageError(f"there is no file {path}").message, unknown("space", path, []).message):
        assert QUOTED - 3 <= max(map(len, message.split())) <= QUOTED + 3
    assert UsageError(f"there is no file {path}").message.endswith("/name.onnx")
    fits = "x" * QUOTED
    assert UsageError(f"there is no {fits}").message.endswith(f" {fits}")
