from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from edgenas.errors import ExportError
from edgenas.export.ir.lowering import lower
from edgenas.export.quantise.quantised import observed, random_calibration
from edgenas.export.quantise.scale import HIGH, LOW, Scale
from edgenas.export.quantise.scales import scales, spread, weights

from ..vocabulary import Joined

limits = st.floats(-1e4, 1e4, width=32)


@given(limits, limits)
def test_a_range_and_zero_are_covered_to_half_a_step(first: float, second: float) -> None:
    found = spread(min(first, second), max(first, second))
    ends = np.float32([min(first, second, 0), 0, max(first, second, 0)])
    back = found.dequantise(found.quantise(ends))
    assert np.abs(back - ends).max() <= 0.51 * found.scale + 1e-6 * np.abs(ends).max()
    assert back[1] == 0


def test_ranges_are_those_of_all_images() -> None:
    images = torch.randn(70, 3, 4, 4)
    module = nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU()).eval()
    found = observed(lower(module, images[:1]), images)
    made = module(images).detach()
    assert found[0] == pytest.approx((float(images.min()), float(images.max())))
    assert found[max(found)] == pytest.approx((0.0, float(made.max())))


def test_what_is_only_moved_shares_one_scale() -> None:
    lowered = lower(nn.Sequential(Joined(lambda a, b: torch.cat([a, b], 1)), nn.MaxPool2d(2), nn.Flatten(),
                                  nn.Linear(6, 2)).eval(), torch.randn(1, 4, 2, 2))
    found = scales(lowered, observed(lowered, torch.randn(9, 4, 2, 2)))
    kinds = {type(op).__name__: op for op in lowered.ops}
    moved = {found[value] for name in ("Concat", "Pool", "Reshape") for value in (*kinds[name].inputs,
                                                                                  kinds[name].output)}
    assert len(moved) == 1
    assert found[0] not in moved
    assert found[lowered.output] not in moved


def test_a_sigmoid_has_its_own_scale_and_shares_it_with_no_larger_value() -> None:
    class Both(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cat([x.sigmoid(), x], 1)

    lowered = lower(nn.Sigmoid(), torch.randn(1, 4))
    assert scales(lowered, {0: (-3, 3), 1: (0.1, 0.9)})[1] == Scale(scale=1 / 256, zero_point=-128)
    lowered = lower(Both(), torch.randn(1, 4))
    with pytest.raises(ExportError, match="a sigmoid shares its scale"):
        scales(lowered, observed(lowered, torch.randn(5, 4)))


@given(st.integers(0, 99), st.floats(1e-6, 1e3), st.floats(1e-6, 10))
def test_weights_and_biases_come_back(seed: int, size: float, scale: float) -> None:
    rng = np.random.default_rng(seed)
    weight = (size * rng.standard_normal((5, 3, 2, 2))).astype(np.float32)
    weight[3] = 0
    bias = rng.standard_normal(5).astype(np.float32)
    bias[1] = 1e5
    given_scale = Scale(scale=scale, zero_point=3)
    quantised, shift, steps = weights(weight, bias, given_scale)
    assert np.abs(quantised).max() <= HIGH < -LOW
    assert np.abs(shift.astype(np.int64)).max() <= 2**30 * 1.001
    error = np.abs(quantised * steps[:, None, None, None] - weight).reshape(5, -1).max(1)
    assert (error <= 0.501 * steps).all()
    moved = np.abs(shift * (steps.astype(np.float64) * scale) - bias)
    assert (moved <= 0.501 * steps * scale + 1e-6 * np.abs(bias)).all()


def test_an_operator_of_nothing_but_zeros_has_a_scale() -> None:
    quantised, shift, steps = weights(np.zeros((2, 3), np.float32), None, Scale(scale=0.1, zero_point=0))
    assert not quantised.any() and not shift.any() and (steps > 0).all()


def test_random_calibration_is_the_same_every_time() -> None:
    first, second = (random_calibration(torch.zeros(1, 3, 4, 5), n=6) for _ in range(2))
    assert first.shape == (6, 3, 4, 5)
    assert first.equal(second)
    assert not first.equal(random_calibration(torch.zeros(1, 3, 4, 5), n=6, seed=1))
