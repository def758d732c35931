"""Which modules of their network a user wants left as they are: by names, with * and ?, or by regular expressions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import translate

from edgenas.errors import UsageError, unknown
from edgenas.text import one_line, quoted

EXPRESSION = "re:"  # before a regular expression
EXAMPLE = "--keep 'head.*', or --keep 're:blocks\\.[0-3]'"
SHOWN = 6  # names in a sentence

Untouched = Mapping[str, tuple[str, ...]]
"""By pattern, the modules whose whole name it matches."""


def kept_modules(patterns: Sequence[str], modules: Iterable[str], network: str) -> Untouched:
    """What each pattern matches among the names of a network's modules.

    Raises: UsageError for a pattern that is none, or that matches nothing.
    """
    names = [name for name in modules if name]
    found = {pattern: tuple(filter(_expression(pattern).fullmatch, names)) for pattern in patterns}
    for pattern, matches in found.items():
        if not matches:
            error = unknown(f"module of {network}", pattern, names)
            raise UsageError(f"--keep {one_line(pattern, 80)} matches no module of {network}", error.hint)
    return found


def _expression(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern.removeprefix(EXPRESSION) if pattern.startswith(EXPRESSION) else translate(pattern))
    except re.error as error:
        raise UsageError(f"--keep {quoted(pattern)} is no regular expression: {error}", EXAMPLE) from error


def keeper_of(path: str, kept: Untouched) -> str | None:
    """The pattern that keeps a layer or parameter: one that matches it, or a module that it lies in."""
    return next((pattern for pattern, matches in kept.items()
                 if any(path == name or path.startswith(f"{name}.") for name in matches)), None)


def in_words(kept: Untouched) -> list[str]:
    """A sentence for each pattern."""
    return [f"--keep {pattern}: {_some(matches)} {'stays' if len(matches) == 1 else 'stay'} as "
            f"{'it is' if len(matches) == 1 else 'they are'}" for pattern, matches in kept.items()]


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
