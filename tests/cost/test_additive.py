from __future__ import annotations

import numpy as np
import pytest

from edgenas.cost.additive import Additive

RNG = np.random.default_rng(0)
COUNTS = RNG.integers(0, 6, (40, 3)).astype(float)
LATENCY_MS = COUNTS @ [1.0, 5.0, 0.0] + 2.0


def test_planted_costs_are_found() -> None:
    found = Additive.fit(COUNTS, LATENCY_MS)
    assert found.weights == pytest.approx([1.0, 5.0, 0.0], abs=0.05)
    assert found.overhead_ms == pytest.approx(2.0, abs=0.1)


def test_units_of_features_do_not_matter() -> None:
    scaled = COUNTS * [1e9, 1e-6, 1.0]
    assert Additive.fit(scaled, LATENCY_MS).predict(scaled) == pytest.approx(
        Additive.fit(COUNTS, LATENCY_MS).predict(COUNTS), rel=1e-6)


def test_outliers_are_outvoted() -> None:
    measured_ms = LATENCY_MS.copy()
    measured_ms[::8] *= 4
    found = Additive.fit(COUNTS, measured_ms).predict(COUNTS)
    assert np.median(np.abs(found / LATENCY_MS - 1)) < 0.05


def test_nothing_makes_a_network_faster() -> None:
    found = Additive.fit(COUNTS, 20.0 - COUNTS.sum(axis=1))
    assert (found.weights >= 0).all()


def test_twice_the_work_takes_twice_as_long_beyond_what_was_seen() -> None:
    macs = np.array([[1e6], [2e6], [4e6], [8e6]])
    assert Additive.fit(macs, macs[:, 0] / 1e6).predict(np.array([[1e9]])) == pytest.approx(1000.0, rel=0.01)


def test_predictions_stay_above_zero() -> None:
    found = Additive.fit(np.array([[1.0], [2.0], [3.0]]), np.array([1.0, 2.0, 3.0])).predict(np.zeros((1, 1)))
    assert found[0] >= 0.1
