"""The integer program against enumeration."""

from __future__ import annotations

import itertools
import random

from edgenas.space.solver import Row, best

CHOICES = {"a": ("x", "y", "z"), "b": ("x", "y"), "c": ("x", "y", "z")}


def test_it_finds_what_enumeration_finds() -> None:
    draw = random.Random(0)
    for _ in range(40):
        scores, costs = ({c: {n: draw.uniform(-1, 1) for n in names} for c, names in CHOICES.items()} for _ in "12")
        low, high = sorted(draw.uniform(-2, 2) for _ in "12")
        forbidden = {("a", draw.choice("xyz"))}
        found = best(scores, [Row(costs, low, high)], forbidden)
        known = [dict(zip(CHOICES, names, strict=True)) for names in itertools.product(*CHOICES.values())]
        held = [a for a in known if low <= sum(costs[c][n] for c, n in a.items()) <= high
                and not forbidden & set(a.items())]
        expected = max(held, key=lambda a: sum(scores[c][n] for c, n in a.items()), default=None)
        assert (None if found is None else dict(found)) == expected


def test_a_row_may_leave_choices_out() -> None:
    scores = {c: dict.fromkeys(names, 0.0) | {"x": 1.0} for c, names in CHOICES.items()}
    found = best(scores, [Row({"b": {"y": 1.0}}, low=1.0)])
    assert found is not None and dict(found) == {"a": "x", "b": "y", "c": "x"}
