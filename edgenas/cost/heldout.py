"""How good latency predictions are for networks that the fit had not seen: each is left out in turn."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgenas.cost.accuracy import accuracy
from edgenas.cost.conformal import Interval, conformal

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

COVERAGE = 0.9
FEWEST_FOR_INTERVAL = math.ceil(COVERAGE / (1 - COVERAGE) - 1e-9)
MARGIN_QUANTILE = 0.9
MOST_MARGIN = 0.5
"""A model that is farther off is of no use: a budget of half the largest network's latency would bind nothing."""
SESSION = 0.005
"""How far the minima of one file lie apart from one session of measuring to the next, relative, in nine cases of ten:
0.3% to 0.7% were seen. The networks of a profile are measured minutes apart, and their errors cannot tell of hours."""


@dataclass(frozen=True)
class HeldOut:
    """How far predictions were from networks that the fit had not seen (each left out in turn).

    networks: how many; random ones, where there are enough. mape: mean absolute relative error. spearman, kendall:
    rank correlations. within_5, within_10: shares within ±5% and ±10%. coverage: share
    inside the 90% interval, each network left out of the fit and of the interval's making; None where networks are too
    few for an interval. margin: the 90% quantile of the relative error on the dangerous side, measured above
    predicted; never negative; of all networks, random or not.
    """

    networks: int
    mape: float
    spearman: float
    kendall: float
    within_5: float
    within_10: float
    coverage: float | None
    margin: float


@dataclass(frozen=True)
class Evaluation:
    """Networks left out in turn, in ms.

    measured (in another session than the fit's figures, where that is possible), plain sum of blocks, and doubt_ms: how
    far the predicted ones of its blocks may be off; all (n,). left_out: (n, n), see calibration.left_out. tested: (n,),
    whether errors of this network are those of random ones.
    """

    measured_ms: Floats
    sum_ms: Floats
    doubt_ms: Floats
    left_out: Floats
    tested: Flags

    @property
    def predicted_ms(self) -> Floats:
        return np.diag(self.left_out)

    def intervals(self) -> tuple[Floats, Floats] | None:
        """Low and high end for each tested network, made from the others; None where these are too few."""
        found = []
        for i in np.flatnonzero(self.tested):
            others = self.tested.copy()
            others[i] = False
            made = _band(self.left_out[i][others], self.measured_ms[others], self.doubt_ms[others])
            if made is None:
                return None
            wider = self.doubt_ms[i] / self.left_out[i, i]
            found.append(Interval(made.below + wider, made.above + wider).of(self.left_out[i, i]))
        low, high = np.array(found).T
        return low, high

    def held_out(self) -> HeldOut:
        ends = self.intervals()
        found = accuracy(self.predicted_ms[self.tested], self.measured_ms[self.tested], *(ends or ()))
        return HeldOut(
            networks=found.count, mape=found.mape, spearman=found.spearman, kendall=found.kendall,
            within_5=found.within_5, within_10=found.within_10, coverage=found.coverage,
            margin=margin(self))


def margin(found: Evaluation) -> float:
    """See HeldOut."""
    return max(0.0, float(np.quantile(found.measured_ms / found.predicted_ms - 1, MARGIN_QUANTILE)))


def band(found: Evaluation, session: float = SESSION) -> Interval | None:
    """Where the measurement of a network without predicted blocks lies; None where networks are too few.

    session: what another session of measuring adds; the two errors have nothing to do with each other.
    """
    tested = found.tested
    made = _band(found.predicted_ms[tested], found.measured_ms[tested], found.doubt_ms[tested])
    return made and Interval(math.hypot(made.below, session), math.hypot(made.above, session))


def _band(predicted_ms: Floats, measured_ms: Floats, doubt_ms: Floats) -> Interval | None:
    """Of the errors beyond what the networks' predicted blocks explain."""
    if len(predicted_ms) < FEWEST_FOR_INTERVAL:
        return None
    ratio = np.maximum(predicted_ms / measured_ms, measured_ms / predicted_ms)
    beyond = np.maximum(1.0, ratio - doubt_ms / predicted_ms)
    return conformal(np.ones_like(beyond), beyond, COVERAGE)
