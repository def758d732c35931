"""Imports go one way: rooms by the table in docs/architecture.md, and no circle of files."""

from __future__ import annotations

import re
import runpy
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import edgenas

TOP = Path(edgenas.__file__).parents[1]
HOUSE = runpy.run_path(str(TOP / "benchmarks" / "house.py"))
room, rooms_of = HOUSE["room"], HOUSE["rooms_of"]


@cache
def arrows() -> dict[str, set[str]]:
    """Which modules each imports, also within functions and for types alone."""
    found: dict[str, set[str]] = HOUSE["arrows"](HOUSE["modules"](TOP))
    return found


def rooms_of_the_table() -> dict[str, int]:
    """Room -> the row of docs/architecture.md that it is in."""
    page = (TOP / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(.+?)`.*\|$", page, re.MULTILINE)
    found: dict[str, int] = {}
    for number, row in enumerate(rows):
        for name in row.split(", "):
            found[name.strip("/").removeprefix("edgenas/")] = number
    return found


def test_every_room_is_in_the_table() -> None:
    known = rooms_of_the_table()
    assert {room(name) for name in arrows()} - {"edgenas", "__main__"} <= set(known)


def test_no_room_imports_one_that_is_further_down_in_the_table() -> None:
    known = rooms_of_the_table()
    up = [f"{module} imports {other}" for module, others in arrows().items() for other in others
          if room(module) in known and room(other) in known and known[room(other)] > known[room(module)]]
    assert not up


def test_rooms_of_one_row_and_files_are_in_no_circle() -> None:
    for graph in (rooms_of(arrows()), arrows()):
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            pytest.fail(" <- ".join(error.args[1]))
