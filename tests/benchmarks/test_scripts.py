"""Every script in benchmarks/ says what it does; the quickest are run at their smallest."""

from __future__ import annotations

import ast
import importlib
import runpy
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

FOLDER = Path(__file__).parents[2] / "benchmarks"
RUN_BY_OTHERS = {"device_outputs", "nasbench201_case", "search_cost_case"}


def commands() -> list[str]:
    """Of the scripts; the others are parts of these."""
    return sorted({path.stem for path in FOLDER.glob("*.py") if "__main__" in path.read_text(encoding="utf-8")}
                  - RUN_BY_OTHERS)


@pytest.mark.parametrize("name", commands())
def test_it_says_what_it_does(name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    source = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    about = ast.get_docstring(ast.parse(source))
    assert about and f"benchmarks/{name}.py" in about, "its first lines say what it prints, and how to run it"
    if "click.command" in source:
        found = CliRunner().invoke(importlib.import_module(name).main, ["--help"])
        assert found.exit_code == 0 and "Usage:" in found.output
        return
    monkeypatch.setattr(sys, "argv", [f"{name}.py", "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
    assert not ended.value.code and "usage" in capsys.readouterr().out.lower()


def test_a_supernet_of_masks_is_a_network_s_size() -> None:
    script = importlib.import_module("elastic_supernet")
    masks, copies = (script.step_of(form, 2, 1) for form in ("masks", "copies"))
    assert masks["parameters"] < copies["parameters"] and 0 < masks["seconds"] < copies["seconds"]
