from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgenas.cost.kernels.regression import Regression, best
from edgenas.errors import UsageError


def operators(count: int, seed: int = 0, noise: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """MACs and bytes over four orders of magnitude; time is the larger of both and a launch, as on a real device."""
    rng = np.random.default_rng(seed)
    macs, moved = 10 ** rng.uniform(5, 9, count), 10 ** rng.uniform(4, 7, count)
    exact_ms = np.maximum(macs / 1e7, moved / 1e5) + 0.02
    return np.column_stack([macs, moved]), exact_ms * np.exp(noise * rng.standard_normal(count))


def test_unseen_operators_are_predicted() -> None:
    model = Regression.fit(*operators(60))
    features, truth_ms = operators(300, seed=1)
    assert np.median(np.abs(model.predict(features) / truth_ms - 1)) < 0.05


def test_more_measurements_make_a_better_model_and_use_trees() -> None:
    features, truth_ms = operators(300, seed=1)
    errors = []
    for count in (12, 100):
        model = Regression.fit(*operators(count))
        errors.append(np.abs(np.log(model.predict(features) / truth_ms)).mean())
    assert errors[1] < errors[0] / 2
    assert len(model.shares) == 3


def test_operators_larger_than_any_measured_are_not_predicted_at_the_largest_one() -> None:
    features, latency_ms = operators(100)
    (macs, moved), = larger = features[[latency_ms.argmax()]] * 10
    predicted = Regression.fit(features, latency_ms).predict(larger)
    assert predicted[0] / max(macs / 1e7, moved / 1e5) == pytest.approx(1.0, abs=0.4)


def test_pure_noise_leaves_the_sum_of_parts_in_charge() -> None:
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 6, (50, 4)).astype(float)
    truth_ms = counts @ [1.0, 2.0, 0.5, 4.0] + 3.0
    model = Regression.fit(counts, truth_ms * np.exp(0.1 * rng.standard_normal(50)))
    assert np.abs(model.predict(counts) / truth_ms - 1).mean() < 0.05


def test_held_out_predictions_err_as_those_of_new_items_do() -> None:
    features, latency_ms = operators(80, noise=0.1)
    model = Regression.fit(features, latency_ms)
    new, measured_ms = operators(400, seed=1, noise=0.1)
    fresh = np.abs(np.log(model.predict(new) / measured_ms)).mean()
    assert np.abs(np.log(model.held_out_ms / latency_ms)).mean() == pytest.approx(fresh, rel=0.4)


def test_uncertainty_grows_away_from_what_was_measured() -> None:
    features, latency_ms = operators(60)
    model = Regression.fit(features, latency_ms)
    known, strange = model.uncertainty(features), model.uncertainty(features[:3] * [1e-3, 1e4])
    assert (known >= 0).all()
    assert strange.min() > 2 * np.median(known)


@given(count=st.integers(3, 14), width=st.integers(1, 6), seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=10)
def test_predictions_are_positive_and_finite_everywhere(count: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    features = np.floor(10 ** rng.uniform(-1, 6, (count, width))) * rng.integers(0, 2, width)
    model = Regression.fit(features, 10 ** rng.uniform(-2, 2, count))
    for inputs in (features, features * 1000, np.zeros((2, width))):
        predicted = model.predict(inputs)
        assert np.isfinite(predicted).all()
        assert (predicted > 0).all()
        assert np.isfinite(model.uncertainty(inputs)).all()


def test_the_same_seed_gives_the_same_model() -> None:
    features, latency_ms = operators(40, noise=0.1)
    first, second = (Regression.fit(features, latency_ms, seed=5) for _ in range(2))
    assert first.predict(features) == pytest.approx(second.predict(features), rel=1e-12)


def test_the_description_that_explains_the_latencies_is_found() -> None:
    rng = np.random.default_rng(0)
    right, wrong = rng.uniform(1, 9, (2, 40, 3))
    latency_ms = right @ [1.0, 2.0, 3.0]
    chosen, model = best([wrong, right], latency_ms)
    assert chosen == 1
    assert model.predict(right) == pytest.approx(latency_ms, rel=0.05)


def test_of_descriptions_that_are_as_good_the_first_is_taken() -> None:
    features, latency_ms = operators(40, noise=0.1)
    assert best([features, features * 1.01], latency_ms)[0] == 0


@pytest.mark.parametrize(("features", "latency_ms", "says"), [
    (np.ones((2, 1)), np.ones(2), "2 measurements are too few"),
    (np.ones((4, 1)), np.ones(5), r"shape \(4, 1\) do not describe 5"),
    (np.ones(4), np.ones(4), r"shape \(4,\)"),
    (np.full((4, 1), np.nan), np.ones(4), "not a finite number"),
    (np.ones((4, 1)), np.array([1.0, 0.0, 1.0, 1.0]), "latency of 0.0 ms"),
    (np.ones((4, 1)), np.array([1.0, np.inf, 1.0, 1.0]), "latency of inf ms"),
])
def test_what_cannot_be_fitted_is_refused(features, latency_ms, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Regression.fit(features, latency_ms)
