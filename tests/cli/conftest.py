"""Runs that tests share; a test that changes one copies it."""

from __future__ import annotations

import pytest
from flow import flows


@pytest.fixture(scope="session")
def finished() -> flows.Finished:
    return flows.finished()


@pytest.fixture(scope="session")
def counted() -> flows.Finished:
    return flows.counted()
