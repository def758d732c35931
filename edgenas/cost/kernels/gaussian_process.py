"""A Gaussian process: what neighbours have in common that a simpler model misses.

Rasmussen and Williams, "Gaussian Processes for Machine Learning" (2006), chapters 2 and 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

Floats = NDArray[np.float64]

MOST_TUNED = 250  # items that the kernel is chosen on; all are used to predict
MOST_ITEMS = 2000
ITEMS_A_LENGTH = 10  # a length scale of its own for each feature takes that many items a feature
STEPS = 30


@dataclass(frozen=True)
class Process:
    """A zero-mean process of Matérn kernel 3/2 with noise; its mean returns to zero far from what it has seen."""

    centre: Floats
    spread: Floats
    regressor: Any
    noise: float

    @classmethod
    def fit(cls, features: Floats, target: Floats, *, seed: int = 0, kernel: Any = None) -> Process:
        """features: (n, d); target: (n,). The kernel maximises the marginal likelihood, or is the one given.

        Above `MOST_ITEMS` a random subset is used.
        """
        order = np.random.default_rng(seed).permutation(len(target))[:MOST_ITEMS]
        features, target = features[order], target[order]
        centre, spread = features.mean(axis=0), features.std(axis=0)
        spread = np.where(spread < 1e-9, 1.0, spread)
        inputs = (features - centre) / spread
        if kernel is None:
            kernel = _likeliest(inputs[:MOST_TUNED], target[:MOST_TUNED], len(target))
        regressor = GaussianProcessRegressor(kernel, optimizer=None).fit(inputs, target)
        return cls(centre, spread, regressor, float(kernel.k2.noise_level))

    def predict(self, features: Floats) -> Floats:
        return np.asarray(self.regressor.predict((features - self.centre) / self.spread))

    def deviation(self, features: Floats) -> Floats:
        """Standard deviation of the mean itself, without the noise of a measurement: (m,)."""
        _, both = self.regressor.predict((features - self.centre) / self.spread, return_std=True)
        return np.asarray(np.sqrt(np.maximum(both**2 - self.noise, 0.0)))


def _likeliest(inputs: Floats, target: Floats, items: int) -> Any:
    width = inputs.shape[1]
    lengths = np.full(width, 3.0) if items >= ITEMS_A_LENGTH * width else 3.0
    start = (ConstantKernel(0.1, (1e-5, 10.0)) * Matern(lengths, (0.3, 100.0), nu=1.5)
             + WhiteKernel(0.02, (1e-6, 1.0)))
    tuned = GaussianProcessRegressor(start, optimizer=None).fit(inputs, target)

    def loss(theta: Floats) -> tuple[float, Floats]:
        value, slope = tuned.log_marginal_likelihood(theta, eval_gradient=True, clone_kernel=False)
        return -value, -slope

    found = minimize(loss, start.theta, jac=True, bounds=start.bounds, method="L-BFGS-B", options={"maxiter": STEPS})
    return start.clone_with_theta(found.x)
