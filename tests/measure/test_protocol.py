from __future__ import annotations

import math

import pytest

from edgenas.errors import UsageError
from edgenas.measure.protocol import DEFAULT, Protocol


def test_default_is_what_the_measurements_promise():
    assert DEFAULT.warmup_runs >= 50 and DEFAULT.rounds >= 3 and DEFAULT.runs >= 20 and DEFAULT.min_runs >= 5
    assert DEFAULT.agreement == 0.05 and DEFAULT.max_rounds >= 8


@pytest.mark.parametrize(("values", "message"), [
    ({"rounds": 0}, "rounds of the measuring protocol is 0; it must be at least 1"),
    ({"runs": -1}, "runs of the measuring protocol is -1"),
    ({"round_s": 0.0}, "round_s of the measuring protocol is 0.0"),
    ({"patience_s": math.nan}, "patience_s of the measuring protocol is nan"),
    ({"timeout_s": math.inf}, "timeout_s of the measuring protocol is inf"),
    ({"seed": -1}, "seed of the measuring protocol is -1; it must be at least 0"),
    ({"rounds": 30}, "max_rounds of the measuring protocol is 20; it must be at least rounds, which is 30"),
])
def test_values_that_cannot_be_used_are_named(values, message):
    with pytest.raises(UsageError, match=message):
        Protocol(**values)
