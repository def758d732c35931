"""What a command line's outcome must be like, whatever it was given."""

from __future__ import annotations

import json
from collections.abc import Sequence

from fuzz.sandbox import OUTPUT, Outcome

EXPECTED = (0, 2, 3, 4)
SECONDS = 90.0
"""Of processor time; the longest right call trains and measures small networks."""
GROWN = 2 << 30
SPOKEN = 1 << 20
"""Characters of output."""
LONGEST_LINE = 4200
"""Characters of an error's message or hint, both of which are cut before."""


def faults(arguments: Sequence[str], outcome: Outcome) -> list[str]:
    """What is wrong with it; nothing for a call that ended as it should."""
    found = [*_ending(outcome), *_words(outcome), *_bounds(outcome)]
    if "--json" in arguments and outcome.status in EXPECTED:
        found += _document(outcome)
    return found


def _ending(outcome: Outcome) -> list[str]:
    if outcome.status not in EXPECTED:
        return [f"ended with {outcome.status}"]
    errors = [line for line in outcome.err.splitlines() if line.startswith("error: ")]
    if outcome.status == 0:
        return ["exit 0 with an error"] if errors else []
    if outcome.status == 2 and not errors and "Usage:" in outcome.err:
        return []  # a group without a command shows its help
    if outcome.status in (3, 4) and not errors:
        return []  # a table says what missed or failed
    return [] if len(errors) == 1 else [f"{len(errors)} sentences instead of one"]


def _words(outcome: Outcome) -> list[str]:
    found = []
    for name, text in (("stdout", outcome.out), ("stderr", outcome.err)):
        if "Traceback (most recent call last)" in text:
            found.append(f"a traceback on {name}")
        odd = sorted({c for c in text if not c.isprintable() and c not in "\n\t"})
        if odd:
            found.append(f"{name} has {odd!r}")
        if len(text) > SPOKEN:
            found.append(f"{len(text)} characters on {name}")
    long = [line for line in outcome.err.splitlines() if len(line) > LONGEST_LINE]
    return found + (["a line of the error that is too long"] if long else [])


def _bounds(outcome: Outcome) -> list[str]:
    found = [f"left behind: {name}" for name in outcome.left]
    if outcome.seconds > SECONDS:
        found.append(f"{outcome.seconds:.0f} s of processor time")
    if outcome.grown > GROWN:
        found.append(f"grew by {outcome.grown >> 20} MiB")
    return found


def _document(outcome: Outcome) -> list[str]:
    try:
        document = json.loads(outcome.out)
    except ValueError as error:
        return [f"--json printed no JSON: {error}"] if len(outcome.out) < OUTPUT else []
    if outcome.status == 2 and set(document) != {"error"}:
        return ["--json has no error"]
    return []
