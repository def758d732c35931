"""The house in numbers: files, lines of modules and functions, untyped dictionaries, provenance literals, circles.

Of a checkout of edgenas, this one by default; give the folder of an older one to compare. Takes a few seconds.

    python benchmarks/house.py
    python benchmarks/house.py ../older
"""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import click

WORDS = ("measured", "counted", "predicted", "estimated", "published")
Arrows = dict[str, set[str]]


def modules(top: Path) -> dict[str, Path]:
    """By dotted name; the folder export/ is edgenas.export."""
    found = {}
    for package, folder in (("edgenas", top / "edgenas"), ("edgenas.export", top / "export")):
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            found[".".join([package, *parts]).removesuffix(".__init__")] = path
    return found


def arrows(known: dict[str, Path]) -> Arrows:
    """Which modules each imports, also in functions and for types."""
    return {name: {other for other in imported(path, known) if other != name} for name, path in known.items()}


def imported(path: Path, known: dict[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            while name and name not in known:
                name = name.rpartition(".")[0]
            if name and name != "edgenas":
                yield name


def circles(graph: Arrows) -> int:
    """How many nodes must be taken out, one after the other, until no circle is left."""
    left, out = {name: set(others) for name, others in graph.items()}, 0
    while True:
        try:
            TopologicalSorter(left).prepare()
        except CycleError as error:
            gone = error.args[1][0]
            left = {name: others - {gone} for name, others in left.items() if name != gone}
            out += 1
        else:
            return out


def room(name: str) -> str:
    """The package in edgenas that a module is in, or the module itself where it is in none."""
    return name.split(".")[1] if "." in name else name


def rooms_of(graph: Arrows) -> Arrows:
    found: Arrows = {}
    for name, others in graph.items():
        found.setdefault(room(name), set()).update(room(other) for other in others if room(other) != room(name))
    return found


def functions(known: dict[str, Path]) -> list[int]:
    """Lines of every function."""
    return [(node.end_lineno or 0) - node.lineno + 1 for path in known.values()
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def literals(known: dict[str, Path]) -> int:
    """Words of provenance that stand alone in quotes, in code; not where they are defined."""
    return sum(isinstance(node, ast.Constant) and node.value in WORDS
               for name, path in known.items() if name != "edgenas.figure"
               for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def spread(lines: list[int]) -> str:
    return f"{statistics.median(lines):.0f}, {statistics.quantiles(lines, n=10)[-1]:.0f}"


def seconds(top: Path, *arguments: str) -> float:
    """Of a Python process in the checkout, the fastest of three."""
    def one() -> float:
        begun = time.perf_counter()
        subprocess.run([sys.executable, *arguments], cwd=top, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - begun

    return min(one() for _ in range(3)) - _bare()


def _bare() -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return time.perf_counter() - begun


@click.command(help=(__doc__ or "").partition("\n\n")[0])
@click.argument("top", default=Path(__file__).parents[1], type=click.Path(exists=True, path_type=Path))
@click.option("--times/--no-times", default=False, help="Of importing edgenas and of its --help, too.")
def main(top: Path, times: bool) -> None:
    known = modules(top)
    texts = [path.read_text(encoding="utf-8") for path in known.values()]
    graph = arrows(known)
    rows = {
        "modules": len(known), "their lines: median, 9 of 10 at most": spread([t.count("\n") for t in texts]),
        "functions' lines: median, 9 of 10 at most": spread(functions(known)),
        "dict[str, Any]": sum(len(re.findall(r"dict\[str, Any\]", text)) for text in texts),
        "provenance literals": literals(known),
        "packages to take out until none is in a circle": circles(rooms_of(graph)),
        "files to take out until none is in a circle": circles(graph)}
    if times:
        rows |= {"import edgenas": f"{1000 * seconds(top, '-c', 'import edgenas'):.0f} ms",
                 "edgenas --help": f"{1000 * seconds(top, '-m', 'edgenas', '--help'):.0f} ms"}
    for what, value in rows.items():
        click.echo(f"{what:50s} {value}")


if __name__ == "__main__":
    main()
