"""One step of checking a device."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from edgenas.errors import EdgenasError
from edgenas.text import one_line

OK, WARNING, FAILED, SKIPPED = "ok", "warning", "failed", "skipped"


@dataclass(frozen=True)
class Step:
    """`state`: ok, warning, failed, or skipped with the reason as its text. `hint`: what to type or do next."""

    name: str
    state: str
    text: str
    hint: str = ""
    values: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def failed(name: str, error: EdgenasError, hint: str = "") -> Step:
    """`hint` is for an error that has none."""
    return Step(name, FAILED, one_line(error.message), error.hint or hint)
