from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgenas.cost.conformal import Interval, conformal
from edgenas.errors import UsageError


def test_ends_of_an_interval() -> None:
    assert Interval(below=0.25, above=0.5).of(10.0) == pytest.approx((8.0, 15.0))


def test_the_width_is_the_corrected_quantile_of_factors_either_way() -> None:
    factors = 1 + np.arange(1, 20) / 100
    measured = np.where(np.arange(19) % 2, factors, 1 / factors)
    found = conformal(np.ones(19), measured, 0.9)
    assert (found.below, found.above) == pytest.approx((0.18, 0.18))  # the ⌈20 · 0.9⌉-th of 0.01, 0.02, …


@pytest.mark.parametrize(("coverage", "fewest"), [(0.9, 9), (0.8, 4), (0.95, 19)])
def test_too_few_residuals_are_refused(coverage: float, fewest: int) -> None:
    ones = np.ones(fewest)
    assert conformal(ones, ones, coverage) == Interval(0.0, 0.0)
    with pytest.raises(UsageError, match=f"at least {fewest}"):
        conformal(ones[1:], ones[1:], coverage)


@pytest.mark.parametrize("coverage", [0.0, 1.0, 90.0])
def test_coverage_is_a_share(coverage: float) -> None:
    with pytest.raises(UsageError, match="coverage"):
        conformal(np.ones(20), np.ones(20), coverage)


@pytest.mark.parametrize("spread", [lambda rng, n: rng.normal(0, 0.1, n), lambda rng, n: rng.exponential(0.2, n),
                                    lambda rng, n: 0.1 * rng.standard_t(2, n)])
@pytest.mark.parametrize("count", [9, 50])
def test_new_residuals_are_covered_whatever_their_distribution(spread, count: int) -> None:
    rng = np.random.default_rng(0)
    inside = []
    for _ in range(400):
        low, high = conformal(np.ones(count), np.exp(spread(rng, count))).of(1.0)
        new = np.exp(spread(rng, 50))
        inside.append(((low <= new) & (new <= high)).mean())
    assert 0.885 <= np.mean(inside) <= 0.93


@given(st.lists(st.floats(0.01, 100.0), min_size=9, max_size=40), st.floats(0.01, 100.0))
@settings(deadline=None)
def test_ends_surround_the_value_and_stay_above_zero(measured: list[float], value: float) -> None:
    low, high = conformal(np.ones(len(measured)), np.array(measured)).of(value)
    assert 0 < low <= value <= high
