"""The page about the Python interface, and the examples in its docstrings, run."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest
import torch
from torch import nn

import edgenas

PAGE = Path(__file__).parents[2] / "docs/api.md"
NAMES = [name for name in edgenas.__all__ if name not in ("__version__", "errors")]


def test_every_block_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) >= 5
    for block in blocks:
        exec(compile(block, "docs/api.md", "exec"), names)


@pytest.mark.parametrize("name", ["Figure", "Run"])
def test_examples_in_docstrings_are_right(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    given = {"edgenas": edgenas, "torch": torch, "Figure": edgenas.Figure}
    found = doctest.DocTestFinder(recurse=False).find(getattr(edgenas, name), name, globs=given)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for case in found:
        runner.run(case)
    assert runner.summarize().attempted > 1 and runner.summarize().failed == 0


def test_the_examples_of_functions_are_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from edgenas.api import device, network

    monkeypatch.chdir(tmp_path)
    given = {"edgenas": edgenas, "torch": torch, "network": nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)).eval()}
    runner = doctest.DocTestRunner()
    for function in (network.export, device.measure, device.profile):
        for case in doctest.DocTestFinder(recurse=False).find(function, function.__name__, globs=given):
            runner.run(case)
    assert runner.summarize().attempted > 4 and runner.summarize().failed == 0


@pytest.mark.parametrize("name", NAMES)
def test_everything_public_says_what_it_is(name: str) -> None:
    assert len((getattr(edgenas, name).__doc__ or "").strip()) > 20
