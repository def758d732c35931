"""What every strategy that is found by its name must do."""

from __future__ import annotations

import pytest

from edgenas.search.strategy import general_names
from edgenas.testing import StrategyContract


class TestEveryStrategy(StrategyContract):
    @pytest.fixture(params=general_names())
    def strategy(self, request: pytest.FixtureRequest) -> str:
        name: str = request.param
        return name
