from __future__ import annotations

import numpy as np

from edgenas.cost.kernels.sizes import AROUND, DENSER, Sizes, evenly


def sizes(**options: object) -> Sizes:
    return Sizes(np.random.default_rng(0), **options)  # type: ignore[arg-type]


def test_numbers_are_within_their_bounds_or_around_the_centre() -> None:
    free, around = sizes(), sizes(centre={"side": 40})
    drawn = [free.number("side", 3, 50) for _ in range(200)]
    assert min(drawn) >= 3 and max(drawn) <= 50 and min(drawn) < 6 and max(drawn) > 40
    near = [around.number("side", 3, 1000) for _ in range(200)]
    assert min(near) >= 40 / AROUND and max(near) <= 40 * AROUND and len(set(near)) > 20


def test_places_come_before_random_numbers() -> None:
    assert [sizes(places=[place]).number("side", 4, 64) for place in (0.0, 0.5, 1.0)] == [4, 16, 64]


def test_channels_are_multiples_of_eight_where_the_centres_are() -> None:
    drawn = sizes()
    assert np.mean([drawn.channels() % 8 == 0 for _ in range(300)]) > 0.85
    odd = sizes(centre={"inputs": 27})
    assert any(odd.channels() % 8 for _ in range(20))


def test_what_is_given_is_kept() -> None:
    assert sizes(shape=(3, 5, 7)).map() == (3, 5, 7) and sizes(centre={"kernel": 9}).pick("kernel", (1, 3)) == 9


def test_points_are_spread_evenly_however_few() -> None:
    for start in (0.0, 0.3):
        points = np.array([evenly(turn, start) for turn in range(6)]) ** (1 / DENSER)
        for column in points.T:
            assert np.diff(np.sort(column)).max() < 0.45  # random numbers leave larger gaps
