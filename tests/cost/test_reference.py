from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from edgenas.cost.model import blocks_of
from edgenas.cost.profile import Profile, packaged_folder, profile_path, stored
from edgenas.cost.published import Published
from edgenas.cost.reference import load_published, sum_model
from edgenas.errors import ProfileError
from edgenas.space import Space, load_space

from .nets import draws, measured
from .test_profile import HEADER

PIXEL = profile_path("pixel1", "litert", 1, folder=Path("none"))


@cache
def proxyless(classes: int) -> Space:
    return load_space("proxyless", (3, 224, 224), classes)


def test_a_published_profile_is_the_one_that_comes_with_edgenas_until_the_user_has_one(tmp_path: Path) -> None:
    assert PIXEL.is_relative_to(packaged_folder())
    own = tmp_path / "pixel1" / PIXEL.name
    assert profile_path("pixel1", "litert", 1, folder=tmp_path) == PIXEL
    assert PIXEL in [p.path for p in stored(tmp_path)]
    Profile.create(own, HEADER)
    assert profile_path("pixel1", "litert", 1, folder=tmp_path) == own
    found = [p.path for p in stored(tmp_path)]
    assert found[0] == own and PIXEL not in found and len(found) == 2


def test_it_is_only_read() -> None:
    before, profile = PIXEL.read_bytes(), Profile.load(PIXEL)
    for change in (lambda: profile.add_block("x", measured(1.0)), lambda: Profile.create(PIXEL, HEADER)):
        with pytest.raises(ProfileError, match="comes with edgenas and is only read"):
            change()
    assert PIXEL.read_bytes() == before and "x" not in profile.blocks


def test_what_is_measured_is_no_published_profile(tmp_path: Path) -> None:
    assert load_published(tmp_path / "none.jsonl") is None
    assert load_published(Profile.create(tmp_path / "own.jsonl", HEADER).path) is None
    assert load_published(PIXEL) is not None


def test_a_networks_latency_is_the_sum_of_its_blocks_without_interval() -> None:
    space, profile = proxyless(1000), Profile.load(PIXEL)
    model = sum_model(space, profile, "median_of_minima")
    for architecture in draws(space, 3):
        blocks = [profile.blocks[s] for s in blocks_of(space, architecture)]
        assert model.predict(architecture) == pytest.approx(sum(b.latency_ms() for b in blocks))
    assert model.margin == 0.0 and all(isinstance(b, Published) for b in blocks)
    with pytest.raises(ProfileError, match="no interval of latency_ms is known"):
        model.interval(architecture)


def test_blocks_that_were_not_published_are_predicted_and_give_a_margin() -> None:
    profile = Profile.load(PIXEL)
    published, other = (sum_model(proxyless(classes), profile, "min") for classes in (1000, 10))
    assert 0 == published.margin < other.margin < 0.01  # all but the classifier, which is the least of all parts
    assert other.fixed < published.fixed
    assert other.reachable == pytest.approx(published.reachable, rel=0.02) and other.table == published.table

