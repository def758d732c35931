from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from edgenas.errors import ExportError
from edgenas.export.check.parity import FP32_TOLERANCE, gate, parity

IMAGES = torch.randn(300, 1, 2, 2, generator=torch.Generator().manual_seed(0))


def classifier() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(4, 3))


def logits() -> np.ndarray:
    with torch.no_grad():
        return classifier()(IMAGES).numpy()


def test_the_network_itself_is_equal_over_several_batches() -> None:
    found = parity(classifier(), lambda images: logits(), IMAGES)
    gate(found)
    assert (found.max_abs, found.agreement, found.images, found.wrong) == (0, 1, 300, 0)


def test_the_session_gets_the_images_and_the_module_eval_mode() -> None:
    module = nn.Sequential(nn.Dropout(), classifier())
    gate(parity(module, lambda images: classifier()(torch.from_numpy(images)).detach().numpy(), IMAGES))
    assert module[0].training


@given(st.floats(-4, 4), st.integers(0, 299), st.floats(0.1, 1000))
def test_the_limit_grows_with_the_largest_logit_from_one_on(exponent: float, place: int, scale: float) -> None:
    module = classifier()
    module[1].weight.data *= scale
    with torch.no_grad():
        exact = module(IMAGES).numpy().astype(np.float64)
    largest = np.abs(exact).max()
    exact[place, exact[place].argmax()] += 10**exponent
    found = parity(module, lambda images: exact, IMAGES)
    assert found.tolerance == pytest.approx(FP32_TOLERANCE * max(1, largest))
    assert found.max_abs == pytest.approx(10**exponent, rel=1e-2)
    assert found.max_rel == pytest.approx(10**exponent / largest, rel=1e-2)
    assert found.equal == (found.max_abs <= found.tolerance)


def test_a_difference_beyond_the_limit_is_refused_with_the_figures() -> None:
    moved = logits() + 0.25
    found = parity(classifier(), lambda images: moved, IMAGES)
    assert found.agreement == 1
    with pytest.raises(ExportError, match=r"0\.25.*0 of 300"):
        gate(found)


def constant(first: float, second: float):
    return nn.Sequential(nn.Flatten(), Fixed(torch.tensor([first, second])))


class Fixed(nn.Module):
    def __init__(self, values: torch.Tensor) -> None:
        super().__init__()
        self.values = values

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.values.expand(len(x), -1)


def test_a_tie_may_go_either_way() -> None:
    swapped = np.tile(np.float32([0.5, 0.5004]), (300, 1))
    found = parity(constant(0.5004, 0.5), lambda images: swapped, IMAGES)
    assert (found.agreement, found.wrong) == (0, 0)
    gate(found)


def test_another_prediction_that_is_no_tie_is_refused() -> None:
    swapped = np.tile(np.float32([0.5, 0.5012]), (300, 1))
    found = parity(constant(0.5013, 0.5), lambda images: swapped, IMAGES)
    assert found.wrong == 300
    with pytest.raises(ExportError, match="300 of 300 predictions"):
        gate(found)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(value: float) -> None:
    broken = logits()
    broken[7, 1] = value
    with pytest.raises(ExportError):
        gate(parity(classifier(), lambda images: broken, IMAGES))


def test_another_shape_is_refused() -> None:
    with pytest.raises(ExportError, match=r"\(300, 2\)"):
        parity(classifier(), lambda images: logits()[:, :2], IMAGES)


def test_no_image_is_refused() -> None:
    with pytest.raises(ExportError, match="without an image"):
        parity(classifier(), lambda images: logits()[:0], IMAGES[:0])


def test_one_class_has_no_tie() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(4, 1))
    with torch.no_grad():
        exact = module(IMAGES).numpy()
    gate(parity(module, lambda images: exact, IMAGES))
