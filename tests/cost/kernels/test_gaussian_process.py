from __future__ import annotations

import numpy as np
import pytest

from edgenas.cost.kernels import gaussian_process
from edgenas.cost.kernels.gaussian_process import Process


def planted(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Inputs of five features, of which the second alone matters, and what it causes."""
    inputs = np.random.default_rng(seed).uniform(-2, 2, (count, 5))
    return inputs, np.sin(2 * inputs[:, 1])


def test_a_smooth_function_is_interpolated() -> None:
    inputs, target = planted(120)
    new, truth = planted(100, seed=1)
    assert np.abs(Process.fit(inputs, target).predict(new) - truth).mean() < 0.15


def test_noise_is_told_from_signal() -> None:
    rng = np.random.default_rng(0)
    found = Process.fit(rng.uniform(-1, 1, (80, 3)), 0.1 * rng.standard_normal(80))
    assert np.abs(found.predict(rng.uniform(-1, 1, (50, 3)))).max() < 0.1


def test_far_from_all_it_returns_to_zero_and_says_so() -> None:
    inputs, target = planted(60)
    found = Process.fit(inputs, target + 1)
    far = np.full((1, 5), 1e4)
    assert found.predict(far) == pytest.approx([0.0], abs=1e-3)
    assert found.deviation(far)[0] > 2 * found.deviation(inputs).max()


def test_many_items_are_thinned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gaussian_process, "MOST_ITEMS", 100)
    found = Process.fit(*planted(300))
    assert len(found.regressor.X_train_) == 100


def test_the_same_seed_gives_the_same() -> None:
    inputs, target = planted(60)
    assert Process.fit(inputs, target, seed=3).predict(inputs) == pytest.approx(
        Process.fit(inputs, target, seed=3).predict(inputs))
