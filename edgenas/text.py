"""Text of unknown origin (a device's words, names in files, values that were typed) made fit to print."""

from __future__ import annotations

import unicodedata

QUOTED = 200
"""Characters of a value that a message repeats."""
KEPT = "\n\t"
UNPRINTABLE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
"""Unicode categories: control characters, escapes and marks that turn text round, surrogates, unassigned ones."""


def printable(text: str, limit: int | None = None) -> str:
    """`text` with every character that a terminal could obey written out (`\\x1b`), cut to `limit` characters.

    Line ends and tabs stay. A text that was cut ends in an ellipsis.
    """
    if limit is not None and len(text) > limit:
        text = text[:max(0, limit - 1)] + "…"
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c in KEPT or unicodedata.category(c) not in UNPRINTABLE else _escaped(c) for c in text)


def one_line(text: str, limit: int | None = None) -> str:
    """`printable` text with all white space, line ends too, folded to single spaces."""
    return printable(" ".join(text.split()), limit)


def quoted(value: object, limit: int = QUOTED) -> str:
    """`repr` of a value as messages repeat it: printable, and no longer than `limit`."""
    if isinstance(value, str) and len(value) > limit:
        value = value[:limit] + "…"  # before repr, which would be as long as the value
    return printable(repr(value), limit + 8)


def counted(count: int, noun: str) -> str:
    """`"1 image"`, `"12 images"`."""
    return f"{count:,} {noun}" + "s" * (count != 1)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", errors="surrogatepass").decode("ascii")
