"""How long work tells how far it is; the command line shows it, a library user may ignore it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    def start(self, label: str, total: int, done: int = 0) -> None:
        """A piece of work of `total` steps begins, `done` of which an earlier run has made."""

    def advance(self, note: str = "") -> None:
        """One step is done."""

    def say(self, text: str) -> None:
        """Something the user should know."""


class Silent:
    def start(self, label: str, total: int, done: int = 0) -> None: ...

    def advance(self, note: str = "") -> None: ...

    def say(self, text: str) -> None: ...
