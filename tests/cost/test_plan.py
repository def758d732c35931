from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from edgenas.cost.blocks import FEWEST_BLOCKS
from edgenas.cost.kernels.features import kinds_of
from edgenas.cost.latency import FEWEST_NETWORKS, latency_model
from edgenas.cost.missing import missing_blocks, missing_networks
from edgenas.cost.model import networks, whole
from edgenas.cost.plan import CHUNK, check_minutes, most_telling, profile_within, transfer, weights
from edgenas.cost.profile import Profile
from edgenas.errors import ProfileError, UsageError
from edgenas.space import Space, load_space

from .benches import bench, cliff_ms, plain_ms
from .nets import draws, measured, mobile, twins

STATISTIC = "median_of_minima"


def test_a_block_weighs_as_much_as_random_networks_have_it() -> None:
    found = weights(twins())
    by_place = {(place, name): n.signature for (place, name), n in networks(twins()).items() if n is not None}
    assert found[by_place["stem", None]] == found[by_place["head", None]] == 1
    assert found[by_place["first", "small"]] == pytest.approx(2 / 3)  # at two places, one of three candidates each
    assert len(found) == 4


@pytest.mark.parametrize("minutes", [0.6, 0.8])
def test_a_limited_profile_ends_in_time_and_predicts_the_rest(tmp_path: Path, minutes: float) -> None:
    made = bench(large(), tmp_path / "a.jsonl")
    profile_within(made, minutes, made.clock)
    assert 60 * minutes - 2 * CHUNK <= made.now <= 60 * minutes + CHUNK
    kept = Profile.load(made.profile.path)
    total = len({n.signature for n in networks(large()).values() if n is not None})
    assert FEWEST_BLOCKS <= len(kept.blocks) < total
    assert len(kept.networks) >= FEWEST_NETWORKS
    assert not missing_blocks(large(), kept) and not missing_networks(large(), kept)
    assert missing_blocks(large(), kept, left_out=True)
    model, error = latency_model(large(), kept, STATISTIC)
    assert error.mape < 0.1
    truth = {a: plain_ms(whole(large(), a)) for a in draws(large(), 10, 5)}
    assert [model.predict(a) for a in truth] == pytest.approx(list(truth.values()), rel=0.25)


@cache
def large() -> Space:
    return load_space("mobile", (1, 32, 32), 5, {"width": "0.25", "depth": "2"})


def test_with_time_enough_everything_is_measured(tmp_path: Path) -> None:
    made = bench(mobile(), tmp_path / "a.jsonl")
    profile_within(made, 10, made.clock)
    assert not made.profile.left_out
    assert not missing_blocks(mobile(), made.profile, left_out=True)


def test_more_time_later_continues_where_it_ended(tmp_path: Path) -> None:
    made = bench(large(), tmp_path / "a.jsonl")
    profile_within(made, 0.4, made.clock)
    blocks = set(made.profile.blocks)
    profile_within(made, 0.4, made.clock)
    assert set(made.profile.blocks) > blocks


def test_too_little_time_is_said_with_what_is_lacking(tmp_path: Path) -> None:
    made = bench(mobile(), tmp_path / "a.jsonl", seconds_each=60)
    profile_within(made, 1, made.clock)
    assert len(made.profile.blocks) == CHUNK
    with pytest.raises(ProfileError, match=f"takes at least {FEWEST_BLOCKS}"):
        latency_model(mobile(), made.profile, STATISTIC)


def test_what_is_known_least_and_used_most_is_measured_next(tmp_path: Path) -> None:
    space = mobile()
    structures = {n.signature: n for n in networks(space).values() if n is not None}
    profile = bench(space, tmp_path / "a.jsonl").profile
    head = next(n.signature for (place, _), n in networks(space).items() if place == "head" and n is not None)
    sevens = [s for s, n in structures.items() if "depthwise7" in kinds_of(n)]
    for signature, network in structures.items():
        if signature != head and signature not in sevens:
            profile.add_block(signature, measured(plain_ms(network)), network)
    chosen = most_telling(space, profile, [head, *sevens], 3)
    assert kinds_of(structures[head]) & {"linear"}
    assert head in chosen[:2] and len(set(chosen[:2]) & set(sevens)) == 1  # one of each kind never seen, then the rest
    assert set(chosen[2:]) <= set(sevens)
    assert len(most_telling(space, profile, sevens, 2)) == 2


def test_a_time_that_is_not_above_nought_is_refused() -> None:
    for minutes in (0, -1, float("inf"), float("nan")):
        with pytest.raises(UsageError, match="--budget-minutes is"):
            check_minutes(minutes)


def source(tmp_path: Path) -> Profile:
    """The blocks of one device."""
    made = bench(mobile(), tmp_path / "source.jsonl")
    made.blocks(missing_blocks(mobile(), made.profile))
    return made.profile


def test_ten_networks_and_another_device_s_profile_predict_better_than_the_ten_alone(tmp_path: Path) -> None:
    made = bench(mobile(), tmp_path / "new.jsonl", cliff_ms)
    transfer(made, source(tmp_path), 10)
    kept = Profile.load(made.profile.path)
    assert not kept.blocks and 8 <= len(kept.networks) <= 10 and made.now <= 10
    model, error = latency_model(mobile(), kept, STATISTIC)
    fresh = draws(mobile(), 40, 77)
    truth = np.array([cliff_ms(whole(mobile(), a)) for a in fresh])
    found = np.abs(np.array([model.predict(a) for a in fresh]) / truth - 1).mean()
    macs = np.array([whole(mobile(), a).macs for a in fresh])
    seen = [(kept.structures[s].macs, n.measurement.latency_ms()) for s, n in kept.networks.items()]
    slope, base = np.polyfit(*np.array(seen).T, 1)
    assert found < np.abs((slope * macs + base) / truth - 1).mean() / 2
    assert found < 0.1
    assert error.networks == len(kept.networks)


def test_a_transferred_profile_stands_alone_and_says_what_was_measured(tmp_path: Path) -> None:
    given = source(tmp_path)
    made = bench(mobile(), tmp_path / "new.jsonl", cliff_ms)
    transfer(made, given, 10)
    before = latency_model(mobile(), made.profile, STATISTIC)[0].table
    given.path.unlink()
    kept = Profile.load(made.profile.path)
    assert latency_model(mobile(), kept, STATISTIC)[0].table == before
    assert kept.transfer and (kept.transfer.device, kept.transfer.digest) == ("source", given.digest)
    assert not missing_blocks(mobile(), kept) and not missing_networks(mobile(), kept)
    assert kept.digest != Profile(kept.path, kept.header, kept.blocks, kept.networks).digest


def test_all_that_is_measured_later_takes_the_place_of_the_transfer(tmp_path: Path) -> None:
    made = bench(mobile(), tmp_path / "new.jsonl", cliff_ms)
    transfer(made, source(tmp_path), 10)
    rough = latency_model(mobile(), made.profile, STATISTIC)[1]
    made.blocks(missing_blocks(mobile(), made.profile, left_out=True))
    assert latency_model(mobile(), made.profile, STATISTIC)[1].mape < rough.mape


def test_transfers_that_cannot_be_are_refused(tmp_path: Path) -> None:
    made = bench(mobile(), tmp_path / "new.jsonl", cliff_ms)
    with pytest.raises(UsageError, match=f"--probes is 3; .* at least {FEWEST_NETWORKS}"):
        transfer(made, source(tmp_path), 3)
    with pytest.raises(UsageError, match="is the profile that is to be made"):
        transfer(made, made.profile, 10)
    with pytest.raises(ProfileError, match="lacks .* of the blocks of space 'mobile'"):
        transfer(made, bench(mobile(), tmp_path / "empty.jsonl").profile, 10)
    assert not made.profile.networks and made.profile.transfer is None
