"""What every space that is found by its name must be."""

from __future__ import annotations

import pytest

from edgenas.space import Space, load_space, space_names
from edgenas.testing import SpaceContract
from edgenas.testing.strategies import OPTIONS
from edgenas.testing.toy import stack_space


class TestEverySpace(SpaceContract):
    @pytest.fixture(params=space_names())
    def space(self, request: pytest.FixtureRequest) -> Space:
        return load_space(request.param, (3, 16, 16), 4, OPTIONS.get(request.param, {}))


class TestTheToy(SpaceContract):
    @pytest.fixture
    def space(self) -> Space:
        return stack_space()
