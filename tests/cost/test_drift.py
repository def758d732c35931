from __future__ import annotations

from pathlib import Path

import pytest

from edgenas.cost.drift import Drift, drift, state_of, warning
from edgenas.cost.profile import Header, Profile
from edgenas.measure.conditions import Conditions

from .nets import measured


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    made = Profile.create(tmp_path / "p.jsonl", Header(device="d", runtime="r", runtime_version="1", threads=1,
                                                       machine={"id": "m"}))
    made.add_block("a", measured(1.0))
    return made


def test_the_largest_difference_counts_whichever_way(profile: Profile) -> None:
    for ms in (1.02, 0.9, 1.05):
        profile.add_check("a", measured(ms), {"temperature_c": 61.5})
    found = drift(Profile.load(profile.path), "median_of_minima")
    assert (found.checks, found.largest) == (3, pytest.approx(-0.1))
    assert Profile.load(profile.path).checks[0].conditions == {"temperature_c": 61.5}


def test_without_checks_nothing_is_known(profile: Profile) -> None:
    assert drift(profile, "median_of_minima") == Drift(0, None, 0)


def test_the_warning_says_which_way_and_how_warm() -> None:
    assert "takes +12.0% (71.5 °C, 600 MHz): the device became slower" in warning(
        0.12, "board", {"temperature_c": 71.5, "frequency_mhz": 600.0})
    assert "takes -8.0%: the device became faster" in warning(-0.08, "board", {})


@pytest.mark.parametrize(("told", "kept"), [
    ({"load_average": 0.5, "governor": "performance", "frequency_mhz": None, "temperature_c": 40.0},
     {"load_average": 0.5, "governor": "performance", "temperature_c": 40.0}),
    ({"load_average": "high", "governor": 7, "temperature_c": True, "free_mib": 5}, {}), (None, {}), ([1], {}),
])
def test_only_what_a_device_can_credibly_tell_is_kept(told: object, kept: dict[str, object]) -> None:
    assert state_of(Conditions("r", "1", {"id": "m", "conditions": told})) == kept
