"""The example notebook, whose cells run in order."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[2] / "examples/notebook.ipynb"


def run_cell(source: str, names: dict[str, object]) -> object:
    """Run a cell; the value of its last line, where that is an expression, as a notebook would show it."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "notebook", "exec"), names)
    return eval(compile(ast.Expression(last.value), "notebook", "eval"), names) if isinstance(last, ast.Expr) else None


def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    document = json.loads(NOTEBOOK.read_text())
    names: dict[str, object] = {}
    # This test is of the notebook, not of the machine: on `mock` the same cells take a few seconds.
    sources = ["".join(cell["source"]).replace('"host"', '"mock"') for cell in document["cells"]
               if cell["cell_type"] == "code"]
    shown = [run_cell(source, names) for source in sources]
    report, run, (cost, accuracy), (shape, parameters) = [value for value in shown if value is not None]
    assert "<table>" in report._repr_html_() and "<table>" in run._repr_html_()
    assert cost.provenance == "measured" and set(accuracy) == {"validation", "test"}
    assert shape == (1, 10) and parameters > 1000
    assert all(cell.get("outputs", []) == [] for cell in document["cells"]), "commit the notebook without its outputs"
