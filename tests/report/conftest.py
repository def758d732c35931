"""Runs for the report's tests."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import pytest

from edgenas.flow.run import Run
from edgenas.report.contents import Contents, read

from .runs import PHASES, files_after, write

Make = Callable[..., Contents]


@pytest.fixture
def make(tmp_path) -> Make:
    """`make("search", edit=change)`: a run's contents after these phases, its files changed by `edit`."""
    def made(*phases: str, edit: Callable[[dict[str, Any]], None] = lambda files: None) -> Contents:
        files = files_after(*phases)
        edit(files)
        shutil.rmtree(tmp_path / "a run", ignore_errors=True)
        return read(Run.open(write(tmp_path / "a run", files)))
    return made


@pytest.fixture
def finished(make) -> Contents:
    return make(*PHASES)
