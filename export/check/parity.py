"""Does an exported file compute what PyTorch computes?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgenas.errors import ExportError
from edgenas.export.ir.tracing import evaluating

# float32 has 7 digits; sums taken in another order over a whole network lose about 3 of them. What is measured
# is 1e-6 to 1e-5 of the largest logit: a wrong weight, layout or padding moves logits by far more than 1e-3.
FP32_TOLERANCE = 1e-3

BATCH = 128  # images that PyTorch computes at once


@dataclass(frozen=True)
class Parity:
    """An exported network against PyTorch on the same images.

    max_abs    largest difference of a logit
    max_rel    the same as a share of PyTorch's largest logit
    agreement  share of images with equal predictions
    images     how many there were
    tolerance  the largest difference allowed: FP32_TOLERANCE * max(1, PyTorch's largest |logit|)
    wrong      images with different predictions that are no tie; in a tie, PyTorch's two highest logits differ
               by less than the tolerance, so that either class is right
    right, expected_right  images that the file and PyTorch classify as their labels say, where these are known
    """

    max_abs: float
    max_rel: float
    agreement: float
    images: int
    tolerance: float
    wrong: int
    right: int = 0
    expected_right: int = 0

    @property
    def equal(self) -> bool:
        return self.max_abs <= self.tolerance and self.wrong == 0

    @property
    def drop_points(self) -> float:
        """Points of accuracy that the file loses."""
        return 100 * (self.expected_right - self.right) / self.images


def parity(module: nn.Module, session_predict: Callable[[NDArray[Any]], NDArray[Any]], images: Tensor,
           labels: Tensor | None = None) -> Parity:
    """Compare `module` in eval mode with the file that `session_predict` runs, on images (N, C, H, W) float32.

    labels: (N,), for the accuracies.

    Raises: ExportError if there is no image, or the file gives another shape than PyTorch's (N, classes).
    """
    if not len(images):
        raise ExportError("parity with PyTorch cannot be judged without an image")
    expected = _predictions(module, images)
    found = np.asarray(session_predict(images.numpy()))
    if found.shape != expected.shape or expected.ndim != 2:
        raise ExportError(f"the exported network gives the shape {found.shape} for {len(images)} images, "
                          f"PyTorch {expected.shape}; both must be (images, classes)")
    largest = float(np.abs(expected).max())
    tolerance = FP32_TOLERANCE * max(1.0, largest)
    max_abs = float(np.abs(found - expected).max())
    differ = found.argmax(1) != expected.argmax(1)
    return Parity(max_abs=max_abs, max_rel=max_abs / largest if largest else max_abs,
                  agreement=float(1 - differ.mean()), images=len(images), tolerance=tolerance,
                  wrong=int((differ & (_lead(expected) >= tolerance)).sum()),
                  right=_right(found, labels), expected_right=_right(expected, labels))


def gate(result: Parity) -> None:
    """Raise ExportError with the figures unless the exported network computes what PyTorch computes."""
    if not result.equal:
        raise ExportError(
            f"the exported network does not compute what PyTorch computes: logits differ by up to "
            f"{result.max_abs:.3g} (allowed: {result.tolerance:.3g}), {result.wrong} of {result.images} "
            f"predictions differ and are no ties", "export it again from the weights that it is compared with")


def _right(logits: NDArray[Any], labels: Tensor | None) -> int:
    return 0 if labels is None else int((logits.argmax(1) == labels.numpy()).sum())


def _predictions(module: nn.Module, images: Tensor) -> NDArray[Any]:
    with evaluating([module]), torch.no_grad():
        batches = [module(images[start:start + BATCH]) for start in range(0, len(images), BATCH)]
        logits: NDArray[Any] = torch.cat(batches).numpy()
    return logits


def _lead(logits: NDArray[Any]) -> NDArray[Any]:
    """How far the highest logit is above the second highest."""
    if logits.shape[1] < 2:
        return np.full(len(logits), np.inf)
    ordered = np.partition(logits, -2, axis=1)
    lead: NDArray[Any] = ordered[:, -1] - ordered[:, -2]
    return lead
