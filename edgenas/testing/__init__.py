"""What the members of a family must do, as classes that the tests of one's own inherit. Needs pytest.

    from edgenas.testing import StrategyContract

    class TestCoin(StrategyContract):
        @pytest.fixture
        def strategy(self):
            return "coin"               # a name, or "my_strategies.py:Coin"

A class says with one fixture what it is about, here `strategy`; edgenas' own tests run the same classes over all of its
own. `toy` has spaces and data that are searched in a second, and `mock_device` a device whose latencies are computed:
always the same, without a clock.
"""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite(*(f"{__name__}.{name}" for name in (
    "exporters", "runtimes", "sources", "spaces", "strategies", "transports")))

from edgenas.testing.exporters import ExporterContract  # noqa: E402
from edgenas.testing.runtimes import RuntimeContract  # noqa: E402
from edgenas.testing.sources import SourceContract  # noqa: E402
from edgenas.testing.spaces import SpaceContract  # noqa: E402
from edgenas.testing.strategies import StrategyContract  # noqa: E402
from edgenas.testing.toy import mock_device  # noqa: E402
from edgenas.testing.transports import TransportContract  # noqa: E402

__all__ = ["ExporterContract", "RuntimeContract", "SourceContract", "SpaceContract", "StrategyContract",
           "TransportContract", "mock_device"]
