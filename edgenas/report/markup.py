"""HTML from Python values: text is escaped where it enters a tag, so nothing a user named becomes markup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from edgenas.text import printable


class Html(str):
    """Markup. Any other text is escaped."""

    __slots__ = ()


def tag(name: str, *content: str, **attributes: str | None) -> Html:
    """`tag("p", "a < b", class_="note")` -> `<p class="note">a &lt; b</p>`; no attribute where it is None."""
    given = "".join(f' {key.rstrip("_").replace("_", "-")}="{_escaped(value)}"'
                    for key, value in attributes.items() if value is not None)
    return Html(f"<{name}{given}>{join(content)}</{name}>")


def join(content: Iterable[str], between: str = "") -> Html:
    return Html(escape(between).join(item if isinstance(item, Html) else _escaped(item) for item in content))


def _escaped(text: str) -> str:
    """Also fit to be printed, for who reads the page in a terminal, and to be written as UTF-8."""
    return escape(printable(text))


def section(key: str, title: str, *content: str) -> Html:
    """A part of the page; `key` is its anchor."""
    return tag("section", tag("h2", title), *content, id=key)


def note(*content: str) -> Html:
    return tag("p", *content, class_="note")


def not_done(what: str, command: str = "") -> Html:
    """Says that a phase has not been done, and the command that does it."""
    return tag("p", what, *([": ", tag("code", command)] if command else ["."]), class_="missing")


def figure(value: float, text: str) -> Html:
    """A figure as people read it, with the exact one of the run's files behind it."""
    return tag("data", text, value=repr(value), title=repr(value))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Html:
    """A table that scrolls sideways on a narrow screen."""
    body = [tag("tr", *(tag("td", cell) for cell in row)) for row in rows]
    return tag("div", tag("table", tag("thead", tag("tr", *(tag("th", cell) for cell in head))),
                          tag("tbody", *body)), class_="scroll")


def listing(pairs: Iterable[tuple[str, str]]) -> Html:
    """Names and values."""
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs))


def verdict(within: bool) -> Html:
    return tag("span", "held" if within else "missed", class_="held" if within else "missed")
