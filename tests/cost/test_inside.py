from __future__ import annotations

import numpy as np
import pytest
from torch import nn

from edgenas.cost.inside import LEAST_SHARE, Inside, values, values_kept
from edgenas.cost.network import trace


def test_values_between_convolutions_stay_in_their_layout() -> None:
    network = trace(nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.MaxPool2d(2), nn.Conv2d(8, 4, 1)), (3, 8, 8))
    assert values_kept(network).tolist() == [8 * 64, 0, 8 * 16]  # the first's output, the last's input
    assert values(network).tolist() == [3 * 64 + 8 * 64, 8 * 64 + 8 * 16, 8 * 16 + 4 * 16]


def test_what_leaves_the_layout_is_not_kept() -> None:
    network = trace(nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Softmax(1), nn.Conv2d(8, 4, 1)), (3, 8, 8))
    assert values_kept(network).tolist() == [0, 0, 0]
    rows = trace(nn.Sequential(nn.Linear(8, 8), nn.LayerNorm(8), nn.Linear(8, 8)), (5, 8))
    assert values_kept(rows).tolist() == [0, 0, 0]


def test_a_planted_saving_is_found_and_a_disturbed_network_does_not_move_it() -> None:
    generator = np.random.default_rng(0)
    work, kept = generator.uniform(0.1, 5, 20), generator.uniform(1e4, 1e6, 20)
    kept *= 0.5 * (work / kept).min() / 1e-6
    measured = 0.003 + work - 1e-6 * kept
    measured[3] *= 8
    found = Inside.fit(work, kept, measured, 0.003)
    assert found.scale == pytest.approx(1.0, abs=0.05) and found.per_value_ms == pytest.approx(1e-6, rel=0.3)
    assert found.network_ms(work, kept)[5] == pytest.approx(measured[5], rel=0.05)


def test_no_layer_costs_less_than_a_share_of_its_kernel() -> None:
    inside = Inside(call_ms=1.0, scale=1.0, per_value_ms=0.1).of(np.array([1.0, 2.0, 5.0]), np.array([0.0, 20.0, 10.0]))
    assert inside == pytest.approx([LEAST_SHARE, 2 * LEAST_SHARE, 3.0])
