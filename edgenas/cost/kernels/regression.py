"""Kernel regression: the latency of operators or networks that were never measured, from their features.

A sum of non-negative parts carries the trend and so extrapolates; what it misses, in logarithms, is learned by a
Gaussian process and, from `FEWEST_FOR_TREES` on, by extremely randomised trees (Geurts et al., Machine Learning 2006).
Cross-validation says how much of each to believe.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesRegressor

from edgenas.cost.additive import Additive
from edgenas.cost.kernels.gaussian_process import Process
from edgenas.errors import UsageError

Floats = NDArray[np.float64]

FEWEST = 3
FEWEST_FOR_TREES = 100
FOLDS = 10
FOLDS_WITH_TREES = 5
QUARTERS = 4  # shares are multiples of 1/4
DOUBT = 2.0  # standard errors
DEFAULT_IS_BETTER = 0.9
LARGEST_CORRECTION = np.log(4.0)  # of the sum of parts


@dataclass(frozen=True)
class Members:
    """The fitted parts; each gives (m,) logarithms of latency_ms."""

    additive: Additive
    process: Process
    trees: Any

    @classmethod
    def fit(cls, features: Floats, latency_ms: Floats, seed: int, kernel: Any = None, trees: bool = False) -> Members:
        additive = Additive.fit(features, latency_ms)
        missed = np.log(latency_ms / additive.predict(features))
        process = Process.fit(_compressed(features), missed, seed=seed, kernel=kernel)
        forest = ExtraTreesRegressor(100, min_samples_leaf=2, random_state=seed) if trees else None
        if forest is not None:
            forest.fit(features, missed)
        return cls(additive, process, forest)

    def predict(self, features: Floats) -> Floats:
        """(m, members)"""
        trend = np.log(self.additive.predict(features))
        found = [np.zeros(len(trend)), self.process.predict(_compressed(features))]
        if self.trees is not None:
            found.append(self.trees.predict(features))
        missed = np.clip(np.column_stack(found), -LARGEST_CORRECTION, LARGEST_CORRECTION)
        return np.asarray(trend[:, None] + missed)


@dataclass(frozen=True)
class Regression:
    """held_out_ms: (n,) what was predicted for each item of the fit by a fit without it, for `conformal`.

    Only the kernel's length scales and the mixture's shares, few figures, have seen all items.
    """

    members: Members
    shares: Floats
    held_out_ms: Floats

    @classmethod
    def fit(cls, features: Floats, latency_ms: Floats, *, seed: int = 0) -> Regression:
        """features: (n, d) >= 0, such as MACs, bytes, counts, in any units; latency_ms: (n,) > 0; n >= 3.

        Raises: UsageError where they cannot be fitted.
        """
        _check(features, latency_ms)
        trees = len(latency_ms) >= FEWEST_FOR_TREES
        whole = Members.fit(features, latency_ms, seed, trees=trees)
        kernel = whole.process.regressor.kernel
        fold = np.random.default_rng(seed).permutation(len(latency_ms)) % (FOLDS_WITH_TREES if trees else FOLDS)
        held_out = np.empty((len(latency_ms), 3 if trees else 2))
        for f in np.unique(fold):
            rest = Members.fit(features[fold != f], latency_ms[fold != f], seed, kernel, trees)
            held_out[fold == f] = rest.predict(features[fold == f])
        shares = _shares(held_out, latency_ms)
        return cls(whole, shares, np.exp(held_out @ shares))

    def predict(self, features: Floats) -> Floats:
        """(m,) in ms, always above 0."""
        return np.asarray(np.exp(self.members.predict(features) @ self.shares))

    def uncertainty(self, features: Floats) -> Floats:
        """(m,) relative standard deviation of the model itself, without the noise of a measurement: 0.1 is 10%."""
        return self.members.process.deviation(_compressed(features))


def best(descriptions: Sequence[Floats], latency_ms: Floats, *, seed: int = 0) -> tuple[int, Regression]:
    """Which of several descriptions, each (n, d), of the same items explains latency_ms best on items left out.

    The first is the default: another must have an error smaller by a tenth.
    """
    fits = [Regression.fit(features, latency_ms, seed=seed) for features in descriptions]
    errors = [float(np.sqrt(np.square(np.log(fit.held_out_ms / latency_ms)).mean())) for fit in fits]
    chosen = int(np.argmin([errors[0] * DEFAULT_IS_BETTER, *errors[1:]]))
    return chosen, fits[chosen]


def _compressed(features: Floats) -> Floats:
    """Sizes span orders of magnitude; distances between them are relative."""
    return np.asarray(np.sign(features) * np.log1p(np.abs(features)))


def _shares(held_out: Floats, latency_ms: Floats) -> Floats:
    """The mixture of members, in steps of a quarter, of the least mean absolute error of logarithms.

    The first member alone unless the gain is beyond `DOUBT` standard errors.
    """
    mixtures = np.array([counts for counts in itertools.product(range(QUARTERS + 1), repeat=held_out.shape[1])
                         if sum(counts) == QUARTERS][::-1]) / QUARTERS
    errors = np.abs(held_out @ mixtures.T - np.log(latency_ms)[:, None])
    least = int(errors.mean(axis=0).argmin())
    gain = errors[:, 0] - errors[:, least]
    return np.asarray(mixtures[least if gain.mean() > DOUBT * gain.std() / np.sqrt(len(gain)) else 0])


def _check(features: Floats, latency_ms: Floats) -> None:
    if len(latency_ms) < FEWEST:
        raise UsageError(f"{len(latency_ms)} measurements are too few for a regression, which takes at least {FEWEST}",
                         "measure more of the space: edgenas profile")
    if features.ndim != 2 or len(features) != len(latency_ms):
        raise UsageError(f"features of shape {features.shape} do not describe {len(latency_ms)} measurements")
    if not np.isfinite(features).all():
        raise UsageError("a feature is not a finite number")
    if not (np.isfinite(latency_ms).all() and (latency_ms > 0).all()):
        bad = latency_ms[~(np.isfinite(latency_ms) & (latency_ms > 0))][0]
        raise UsageError(f"a latency of {bad} ms cannot be learned from; it must be finite and above 0")
