"""Predicts the latency of any network from the kernels of a profile, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgenas.cost.accuracy import Accuracy, accuracy
from edgenas.cost.conformal import Interval, conformal
from edgenas.cost.heldout import FEWEST_FOR_INTERVAL
from edgenas.cost.inside import Inside, values, values_kept
from edgenas.cost.kernels.coverage import Coverage, lacking
from edgenas.cost.kernels.regression import Regression
from edgenas.cost.kernels.sampling import BORROWED, family, features
from edgenas.cost.network import Network, Operator
from edgenas.cost.profile import Profile
from edgenas.errors import ProfileError
from edgenas.figure import MEASURED, PREDICTED, Provenance

Floats = NDArray[np.float64]

FEWEST_KERNELS = 5
"""Of a family, below which it counts as never profiled."""
TOO_FEW = "the profile has too few whole networks for an interval: edgenas profile measures them"


@dataclass(frozen=True)
class Layer:
    """One operator's latency in ms inside a network: measured (this very kernel was), predicted, or None where no
    kernel of its family was ever profiled.
    """

    operator: Operator
    family: str
    latency_ms: float | None
    provenance: Provenance | None


@dataclass(frozen=True)
class Prediction:
    """latency_ms: of the whole network, without its `unknown` families. low_ms, high_ms: the 90% interval, None where
    there are `doubts`: sentences on what the profile lacks.
    """

    layers: tuple[Layer, ...]
    latency_ms: float
    overhead_ms: float
    low_ms: float | None
    high_ms: float | None
    unknown: tuple[str, ...]
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class KernelModel:
    """Regressions by family; how the sum of kernels becomes a network's latency; and how far that was off."""

    profile: Profile
    statistic: str
    regressions: dict[str, Regression]
    inside: Inside
    interval: Interval | None
    held_out: Accuracy | None
    coverage: Coverage

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
        kernels = [network for network in kernels_of(profile).values() if family(network.operators[0]) in regressions]
        plain = cls(profile, statistic, regressions, Inside(_fastest_ms(profile, statistic)), None, None,
                    Coverage.of(kernels, (), np.zeros(0), np.zeros(0)))
        known = [(profile.structures[key], found.afresh.latency_ms(statistic))
                 for key, found in profile.networks.items()
                 if key in profile.structures and not plain.predict(profile.structures[key]).unknown]
        if len(known) < FEWEST_FOR_INTERVAL:
            return plain
        wholes, measured = [network for network, _ in known], np.array([ms for _, ms in known])
        work = np.array([plain.work_ms(network) for network in wholes])
        moved = np.array([values(network).sum() for network in wholes])
        call_ms = plain.inside.call_ms
        kept = np.array([values_kept(network).sum() for network in wholes])
        left_out = np.array([_left_out(work, kept, measured, call_ms, i) for i in range(len(known))])
        interval = conformal(left_out, measured)
        low, high = left_out / (1 + interval.below), left_out * (1 + interval.above)
        return cls(profile, statistic, regressions, Inside.fit(work, kept, measured, call_ms), interval,
                   accuracy(left_out, measured, low, high), Coverage.of(kernels, wholes, work, moved))

    def predict(self, network: Network) -> Prediction:
        alone = self._alone(network)
        times = np.array([alone[index][0] if index in alone else np.nan for index in range(len(network.operators))])
        inside = self.inside.of(times, values_kept(network))
        layers = tuple(Layer(op, family(op), float(inside[i]), alone[i][1]) if i in alone
                       else Layer(op, family(op), None, None) for i, op in enumerate(network.operators))
        total = self.inside.call_ms + float(np.nansum(inside))
        unknown = tuple(sorted({layer.family for layer in layers if layer.latency_ms is None}))
        doubts = (*lacking(unknown), *(() if self.interval else (TOO_FEW,)),
                  *self.coverage.doubts(network, inside, self.work_ms(network), float(values(network).sum())))
        low, high = self.interval.of(total) if self.interval and not doubts else (None, None)
        return Prediction(layers, total, self.inside.call_ms, low, high, unknown, doubts)

    def work_ms(self, network: Network) -> float:
        """What a network's operators take by themselves, without the calls; of unknown families nothing."""
        times = [ms for ms, _ in self._alone(network).values()]
        return float(Inside(self.inside.call_ms).of(np.array(times), np.zeros(len(times))).sum())

    def _alone(self, network: Network) -> dict[int, tuple[float, Provenance]]:
        """Operators' latencies in a file of their own and where they come from, by index; not of unknown families."""
        found: dict[int, tuple[float, Provenance]] = {}
        due: dict[str, list[int]] = {}
        for index, operator in enumerate(network.operators):
            measured = self.profile.blocks.get(_signature(network, index))
            if measured is not None:
                found[index] = measured.latency_ms(self.statistic), MEASURED
            elif (name := self._taken_for(operator)) in self.regressions:
                due.setdefault(name, []).append(index)
        for name, indices in due.items():
            rows = np.array([features(network, index) for index in indices])
            predicted = self.regressions[name].predict(rows)
            found |= {index: (float(ms), PREDICTED) for index, ms in zip(indices, predicted, strict=True)}
        return found

    def _taken_for(self, operator: Operator) -> str:
        name = family(operator)
        return name if name in self.regressions else BORROWED.get(name, name)


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


def _fastest_ms(profile: Profile, statistic: str) -> float:
    return min(profile.blocks[key].latency_ms(statistic) for key in kernels_of(profile))


def _signature(network: Network, index: int) -> str:
    """Of an operator's kernel. One that combines several activations has none."""
    operator = network.operators[index]
    if len(set(operator.inputs)) != 1:
        return ""
    source = operator.inputs[0]
    shape = network.input_shape if source < 0 else network.operators[source].shape
    return Network(shape, (replace(operator, inputs=(-1,) * len(operator.inputs)),)).signature


def _left_out(work_ms: Floats, kept: Floats, measured_ms: Floats, call_ms: float, index: int) -> float:
    """The latency of the network at `index` by a fit without it."""
    others = np.arange(len(measured_ms)) != index
    model = Inside.fit(work_ms[others], kept[others], measured_ms[others], call_ms)
    return float(model.network_ms(work_ms[index], kept[index]))
