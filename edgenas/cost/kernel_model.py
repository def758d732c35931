"""Predicts the latency of any network from the kernels of a profile, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgenas.cost.accuracy import Accuracy, accuracy
from edgenas.cost.calibration import Calibration, fit_calibration
from edgenas.cost.conformal import Interval, conformal
from edgenas.cost.kernels import family, features
from edgenas.cost.operators import Network, Operator
from edgenas.cost.profile import Profile
from edgenas.cost.regression import Regression
from edgenas.errors import ProfileError

FEWEST_KERNELS = 6
"""Of a family, below which it counts as never profiled."""
FEWEST_NETWORKS = 9
"""Whole networks, below which there is neither a calibration nor an interval."""


@dataclass(frozen=True)
class Layer:
    """One operator's latency in ms inside a network: "measured" (this very kernel was), "predicted", or None where no
    kernel of its family was ever profiled.
    """

    operator: Operator
    family: str
    latency_ms: float | None
    provenance: str | None


@dataclass(frozen=True)
class Prediction:
    """latency_ms: of the whole network, without its `unknown` families. low_ms, high_ms: the 90% interval, None where
    the profile has too few whole networks, or the network has unknown families.
    """

    layers: tuple[Layer, ...]
    latency_ms: float
    overhead_ms: float
    low_ms: float | None
    high_ms: float | None
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class KernelModel:
    """Regressions by family; how the sum of kernels becomes a network's latency; and how far that was off."""

    profile: Profile
    statistic: str
    regressions: dict[str, Regression]
    calibration: Calibration
    interval: Interval | None
    held_out: Accuracy | None

    @classmethod
    def fit(cls, profile: Profile, statistic: str) -> KernelModel:
        """Fit on the single operators of a profile, calibrate on its whole networks.

        The interval comes from networks left out of the calibration in turn.

        Raises: ProfileError for a profile without single operators.
        """
        regressions = _regressions(profile, statistic)
        if not regressions:
            raise ProfileError(f"the profile {profile.path} holds no single operators to predict from",
                               f"{profile.header.command} --operators 200")
        plain = cls(profile, statistic, regressions, Calibration(0.0, 1.0, 0.0), None, None)
        known = [(plain.predict(profile.structures[key]), profile.networks[key].measurement.latency_ms(statistic))
                 for key in profile.networks if key in profile.structures]
        whole = [(p, ms) for p, ms in known if not p.unknown]
        if len(whole) < FEWEST_NETWORKS:
            return plain
        sums = np.array([p.latency_ms for p, _ in whole])
        counts = np.array([float(len(p.layers)) for p, _ in whole])
        measured = np.array([ms for _, ms in whole])
        left_out = np.array([_network_ms(_fit_without(i, sums, counts, measured), sums[i], counts[i])
                             for i in range(len(whole))])
        interval = conformal(left_out, measured)
        low, high = left_out / (1 + interval.below), left_out * (1 + interval.above)
        return cls(profile, statistic, regressions, fit_calibration(sums, counts, measured, 0.0), interval,
                   accuracy(left_out, measured, low, high))

    def predict(self, network: Network) -> Prediction:
        fit, alone = self.calibration, self._alone(network)
        layers = tuple(_layer(operator, alone.get(index), fit) for index, operator in enumerate(network.operators))
        total = _network_ms(fit, sum(ms for ms, _ in alone.values()), len(alone))
        unknown = tuple(sorted({layer.family for layer in layers if layer.latency_ms is None}))
        low, high = self.interval.of(total) if self.interval and not unknown else (None, None)
        return Prediction(layers, total, fit.overhead_ms, low, high, unknown)

    def _alone(self, network: Network) -> dict[int, tuple[float, str]]:
        """Operators' latencies in a file of their own and where they come from, by index; not of unknown families."""
        found: dict[int, tuple[float, str]] = {}
        due: dict[str, list[int]] = {}
        for index, operator in enumerate(network.operators):
            measured = self.profile.blocks.get(_signature(network, index))
            if measured is not None:
                found[index] = measured.latency_ms(self.statistic), "measured"
            elif family(operator) in self.regressions:
                due.setdefault(family(operator), []).append(index)
        for name, indices in due.items():
            rows = np.array([features(network, index) for index in indices])
            predicted = self.regressions[name].predict(rows)
            found |= {index: (float(ms), "predicted") for index, ms in zip(indices, predicted, strict=True)}
        return found


def kernels_of(profile: Profile) -> dict[str, Network]:
    """The blocks of a profile that are one operator, by signature."""
    return {key: profile.structures[key] for key in profile.blocks
            if key in profile.structures and len(profile.structures[key].operators) == 1}


def _regressions(profile: Profile, statistic: str) -> dict[str, Regression]:
    by_family: dict[str, list[tuple[Sequence[float], float]]] = {}
    for key, network in kernels_of(profile).items():
        by_family.setdefault(family(network.operators[0]), []).append(
            (features(network, 0), profile.blocks[key].latency_ms(statistic)))
    return {name: Regression.fit(np.array([row for row, _ in rows]), np.array([ms for _, ms in rows]))
            for name, rows in by_family.items() if len(rows) >= FEWEST_KERNELS}


def _layer(operator: Operator, alone: tuple[float, str] | None, fit: Calibration) -> Layer:
    if alone is None:
        return Layer(operator, family(operator), None, None)
    return Layer(operator, family(operator), fit.scale * alone[0] + fit.per_block_ms, alone[1])


def _signature(network: Network, index: int) -> str:
    """Of an operator's kernel. One that combines several activations has none."""
    operator = network.operators[index]
    if len(set(operator.inputs)) != 1:
        return ""
    source = operator.inputs[0]
    shape = network.input_shape if source < 0 else network.operators[source].shape
    return Network(shape, (replace(operator, inputs=(-1,)),)).signature


def _fit_without(index: int, sums: np.ndarray, counts: np.ndarray, measured: np.ndarray) -> Calibration:
    rest = np.arange(len(measured)) != index
    return fit_calibration(sums[rest], counts[rest], measured[rest], 0.0)


def _network_ms(fit: Calibration, sum_ms: float, count: float) -> float:
    return fit.overhead_ms + fit.scale * sum_ms + fit.per_block_ms * count
