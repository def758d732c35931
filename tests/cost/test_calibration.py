from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgenas.cost.calibration import (
    Calibration,
    Fit,
    Floats,
    Seen,
    calibrated,
    deviations,
    fit_calibration,
    left_out,
)

PLANTED = Calibration(overhead_ms=0.03, scale=0.9, per_block_ms=-0.02)
LEAST = 0.05  # ms, the cheapest block of the planted networks


def planted(count: int, fit: Calibration, noise: float = 0.0, seed: int = 0) -> tuple[Floats, Floats, Floats]:
    """Sums of block latencies, block counts and measured latencies of made-up networks."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(4, 20, count).astype(float)
    sums = counts * rng.uniform(LEAST, 3 * LEAST, count)
    exact = fit.overhead_ms + fit.scale * sums + fit.per_block_ms * counts
    return sums, counts, exact * (1 + noise * rng.standard_normal(count))


def predictions(fit: Calibration, sums: Floats, counts: Floats) -> Floats:
    return np.asarray(fit.overhead_ms + fit.scale * sums + fit.per_block_ms * counts)


def test_the_plain_sum_of_blocks_is_found_exactly() -> None:
    fit = fit_calibration(*planted(16, Calibration(0.0, 1.0, 0.0)), LEAST)
    assert (fit.overhead_ms, fit.scale, fit.per_block_ms) == pytest.approx((0.0, 1.0, 0.0), abs=1e-9)


@pytest.mark.parametrize("fit", [
    PLANTED, Calibration(0.0, 1.0, 0.0), Calibration(0.2, 1.0, 0.0), Calibration(0.0, 0.7, 0.0),
    Calibration(0.0, 1.0, -0.03),
])
def test_planted_corrections_are_recovered_within_the_prior(fit: Calibration) -> None:
    sums, counts, measured_ms = planted(60, fit)
    found = fit_calibration(sums, counts, measured_ms, LEAST)
    assert found.scale == pytest.approx(fit.scale, abs=0.08)
    assert found.per_block_ms == pytest.approx(fit.per_block_ms, abs=0.01)
    assert found.overhead_ms == pytest.approx(fit.overhead_ms, abs=0.03)
    assert np.abs(predictions(found, sums, counts) / measured_ms - 1).max() < 0.05


def test_the_prior_yields_to_many_networks() -> None:
    errors = []
    for count in (20, 2000):
        found = fit_calibration(*planted(count, PLANTED), LEAST)
        errors.append(abs(found.scale - PLANTED.scale) + abs(found.per_block_ms - PLANTED.per_block_ms))
    assert errors[1] < errors[0] / 10


def test_errors_are_relative_so_that_small_networks_count_as_much_as_large_ones() -> None:
    sums = np.array([0.1] * 8 + [10.0] * 8)
    counts = np.linspace(3, 9, 16)
    measured_ms = np.where(sums < 1, 1.2, 1.0) * sums
    relative = predictions(fit_calibration(sums, counts, measured_ms, 0.001), sums, counts) / measured_ms - 1
    assert np.abs(relative[:8]).mean() < 0.1


@given(st.floats(0.8, 1.2), st.integers(0, 100))
@settings(deadline=None)
def test_networks_of_equal_block_count_leave_the_fit_near_the_plain_sum(scale: float, seed: int) -> None:
    """Overhead and cost per block cannot be told apart then: neither may run away from zero."""
    rng = np.random.default_rng(seed)
    sums = rng.uniform(0.8, 1.2, 16)
    counts = np.full(16, 12.0)
    found = fit_calibration(sums, counts, scale * sums * (1 + 0.01 * rng.standard_normal(16)), 0.04)
    assert abs(found.scale - 1) < 0.35
    assert abs(found.overhead_ms) < 0.15
    assert abs(found.per_block_ms) * 12 < 0.15


def test_a_disturbed_network_hardly_moves_the_fit() -> None:
    sums, counts, measured_ms = planted(24, PLANTED, noise=0.01)
    undisturbed = fit_calibration(sums, counts, measured_ms, LEAST)
    measured_ms[3] *= 1.5
    found = fit_calibration(sums, counts, measured_ms, LEAST)
    moved = predictions(found, sums, counts) / predictions(undisturbed, sums, counts) - 1
    assert np.abs(moved).max() < 0.02


def networks_of(block_ms: Floats, count: int, noise: float = 0.0, seed: int = 0) -> Seen:
    """Random networks of eight blocks each."""
    rng = np.random.default_rng(seed)
    counts = np.array([np.bincount(rng.integers(0, len(block_ms), 8), minlength=len(block_ms)) for _ in range(count)],
                      float)
    return Seen(counts, counts @ block_ms * (1 + noise * rng.standard_normal(count)))


def test_a_block_that_was_measured_in_a_bad_moment_is_corrected_by_the_networks() -> None:
    true = np.linspace(0.05, 0.5, 20)
    seen, fresh = networks_of(true, 30, noise=0.005), networks_of(true, 40, seed=1)
    disturbed = true.copy()
    disturbed[17] *= 1.3
    found = calibrated(disturbed, seen)
    errors = np.abs(found.predict(fresh.counts) / fresh.measured_ms - 1)
    plain = np.abs(fresh.counts @ disturbed / fresh.measured_ms - 1)
    assert errors.mean() < plain.mean() / 2
    assert found.cost_ms[17] / true[17] == pytest.approx(1.0, abs=0.1)


def test_nothing_deviates_where_the_fit_is_exact() -> None:
    true = np.linspace(0.05, 0.5, 20)
    assert deviations(Fit(0.0, true), networks_of(true, 30)) == pytest.approx(np.zeros(20), abs=1e-9)


def test_a_block_in_no_network_is_left_as_it_is() -> None:
    true = np.linspace(0.05, 0.5, 20)
    seen = networks_of(true, 30, noise=0.1)
    seen.counts[:, 4] = 0
    assert deviations(Fit(0.0, true), seen)[4] == 0


def test_each_network_is_predicted_without_itself_and_another() -> None:
    true = np.linspace(0.05, 0.5, 10)
    seen = networks_of(true, 9, noise=0.05)
    fit = partial(calibrated, true)
    found = left_out(seen, fit)
    assert found[2, 5] == pytest.approx(fit(seen.without(2, 5)).predict(seen.counts)[5])
    assert found[5, 2] == pytest.approx(fit(seen.without(2, 5)).predict(seen.counts)[2])
    assert found[4, 4] == pytest.approx(fit(seen.without(4)).predict(seen.counts)[4])
    assert len(seen.without(2, 5)) == 7
