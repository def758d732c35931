from __future__ import annotations

from edgenas.cost.exact import exact_model
from edgenas.cost.sampling import DRAWN, SPREAD, calibration_networks, spread

from .nets import draws, mobile, twins


def test_spread_networks_cover_the_whole_range_of_macs() -> None:
    space, count = mobile(), 16
    chosen = spread(space, count)
    macs = exact_model(space, "macs")
    costs = sorted(macs.predict(a) for a in chosen)
    low, high = macs.reachable
    assert len(set(chosen)) == len(chosen) == count
    assert (costs[0], costs[-1]) == (low, high)
    assert max(b - a for a, b in zip(costs, costs[1:], strict=False)) < 3 * (high - low) / count
    for choice, candidates in space.choices.items():
        assert len({a[choice] for a in chosen}) > len(candidates) / 2


def test_spread_networks_are_the_same_every_time_and_others_for_another_seed() -> None:
    assert spread(mobile(), 8) == spread(mobile(), 8)
    assert set(spread(mobile(), 8)) != set(spread(mobile(), 8, seed=1))


def test_a_small_space_gives_all_it_has() -> None:
    chosen = spread(twins(), 16)
    assert len(chosen) == len(set(chosen)) == 9
    assert set(chosen) == set(draws(twins(), 200))


def test_calibration_networks_are_a_few_spread_ones_and_then_random_ones() -> None:
    chosen = calibration_networks(mobile())
    assert len(set(chosen)) == len(chosen) == SPREAD + DRAWN
    assert chosen[:SPREAD] == spread(mobile(), SPREAD)
    macs = exact_model(mobile(), "macs")
    low, high = macs.reachable
    middle = [low + (high - low) / 5 < macs.predict(a) < high - (high - low) / 5 for a in chosen[SPREAD:]]
    assert sum(middle) > 0.8 * DRAWN
    assert chosen == calibration_networks(mobile())
    assert set(calibration_networks(twins())) == set(draws(twins(), 200))
