"""Imports go one way: rooms by the table in docs/architecture.md, and no circle of files."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import edgenas

TOP = Path(edgenas.__file__).parents[1]
PLACES = {"edgenas": TOP / "edgenas", "edgenas.export": TOP / "export"}
"""As setup.py lays the packages out."""
LOWEST = "edgenas/"


@cache
def modules() -> dict[str, Path]:
    found = {}
    for package, folder in PLACES.items():
        for path in folder.rglob("*.py"):
            parts = path.relative_to(folder).with_suffix("").parts
            found[".".join([package, *parts]).removesuffix(".__init__")] = path
    return found


def imported(path: Path) -> Iterator[str]:
    """The modules of edgenas that a file imports, also within functions and for types alone."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            while name and name not in modules():
                name = name.rpartition(".")[0]
            if name.partition(".")[0] == "edgenas" and name != "edgenas":
                yield name


@cache
def arrows() -> dict[str, set[str]]:
    return {name: set(imported(path)) - {name} for name, path in modules().items()}


def room(module: str) -> str:
    """The package in edgenas that a module is in, or the module itself where it is in none."""
    return module.split(".")[1] if "." in module else module


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
    assert {room(name) for name in modules()} - {"edgenas", "__main__"} <= set(known)


def test_no_room_imports_one_that_is_further_down_in_the_table() -> None:
    known = rooms_of_the_table()
    up = [f"{module} imports {other}" for module, others in arrows().items() for other in others
          if room(module) in known and room(other) in known and known[room(other)] > known[room(module)]]
    assert not up


def test_rooms_of_one_row_and_files_are_in_no_circle() -> None:
    rooms: dict[str, set[str]] = {}
    for module, others in arrows().items():
        rooms.setdefault(room(module), set()).update(room(other) for other in others if room(other) != room(module))
    for graph in (rooms, arrows()):
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            pytest.fail(" <- ".join(error.args[1]))
