from __future__ import annotations

import numpy as np
import pytest

from edgenas.cost.additive import Additive
from edgenas.cost.fewshot import adapt, choose_probes
from edgenas.errors import UsageError

RNG = np.random.default_rng(0)
COUNTS = RNG.integers(0, 6, (400, 6)).astype(float)
SOURCE_MS = COUNTS @ [1.0, 9.0, 0.2, 2.0, 0.5, 3.0] + 1.0
TARGET_MS = COUNTS @ [2.0, 20.0, 0.8, 6.0, 1.0, 7.0] + 4.0  # each operator 2 to 4 times as slow


def noisy(latency_ms: np.ndarray, seed: int) -> np.ndarray:
    return latency_ms * np.exp(0.1 * np.random.default_rng(seed).standard_normal(len(latency_ms)))


def error(predicted_ms: np.ndarray, truth_ms: np.ndarray) -> float:
    return float(np.abs(predicted_ms / truth_ms - 1).mean())


def test_ten_probes_and_another_device_beat_ten_probes_alone() -> None:
    with_source, alone = [], []
    for seed in range(8):
        measured_ms = noisy(TARGET_MS, seed)
        probes = np.random.default_rng(seed).permutation(len(COUNTS))[:10]
        with_source.append(error(adapt(SOURCE_MS, COUNTS, probes, measured_ms[probes]), TARGET_MS))
        alone.append(error(Additive.fit(COUNTS[probes], measured_ms[probes]).predict(COUNTS), TARGET_MS))
    assert np.mean(with_source) < 0.7 * np.mean(alone)


def test_a_device_that_differs_by_a_factor_is_found_exactly() -> None:
    probes = choose_probes(SOURCE_MS, COUNTS, 6)
    assert adapt(SOURCE_MS, COUNTS, probes, 2.5 * SOURCE_MS[probes]) == pytest.approx(2.5 * SOURCE_MS, rel=0.01)


def test_many_probes_overrule_the_other_device() -> None:
    unlike_ms = COUNTS @ [9.0, 1.0, 3.0, 0.1, 4.0, 0.3] + 1.0
    probes = choose_probes(SOURCE_MS, COUNTS, 60)
    assert error(adapt(SOURCE_MS, COUNTS, probes, unlike_ms[probes]), unlike_ms) < 0.02


def test_the_devices_may_follow_different_descriptions() -> None:
    executed = COUNTS * RNG.integers(0, 2, COUNTS.shape)
    target_ms = executed @ [2.0, 20.0, 0.8, 6.0, 1.0, 7.0] + 4.0
    probes = choose_probes(SOURCE_MS, [COUNTS, executed], 12)
    both = adapt(SOURCE_MS, [COUNTS, executed], probes, target_ms[probes])
    assert error(both, target_ms) < 0.1
    assert error(adapt(SOURCE_MS, COUNTS, probes, target_ms[probes]), target_ms) > 0.3


def test_too_few_probes_are_refused() -> None:
    with pytest.raises(UsageError, match="3 probes are too few"):
        adapt(SOURCE_MS, COUNTS, np.arange(3), TARGET_MS[:3])


def test_probes_are_distinct_spread_out_and_repeatable() -> None:
    probes = choose_probes(SOURCE_MS, COUNTS, 10, seed=1)
    assert len(set(probes.tolist())) == 10
    assert probes.tolist() == choose_probes(SOURCE_MS, COUNTS, 10, seed=1).tolist()
    assert probes.tolist() != choose_probes(SOURCE_MS, COUNTS, 10, seed=2).tolist()
    between = np.linalg.norm(COUNTS[probes][:, None] - COUNTS[probes], axis=2)[np.triu_indices(10, 1)]
    random = np.linalg.norm(COUNTS[:10, None] - COUNTS[:10], axis=2)[np.triu_indices(10, 1)]
    assert between.min() > random.min()


def test_all_items_can_be_probes_but_no_more() -> None:
    assert sorted(choose_probes(np.ones(4), np.ones((4, 1)), 4).tolist()) == [0, 1, 2, 3]
    with pytest.raises(UsageError, match="5 probes cannot be chosen from 4"):
        choose_probes(np.ones(4), np.ones((4, 1)), 5)
