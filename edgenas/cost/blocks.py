"""Latencies of all blocks of a space: measured, or predicted from those that were."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edgenas.cost.conformal import conformal
from edgenas.cost.kernels.features import kinds_of, table
from edgenas.cost.kernels.regression import Regression
from edgenas.cost.network import Network
from edgenas.cost.profile import Profile
from edgenas.errors import ProfileError

Floats = NDArray[np.float64]

FEWEST_BLOCKS = 12
"""Measured blocks from which others are predicted, if also every kind of operator in these was measured."""
FOLDS = 6


@dataclass(frozen=True)
class Blocks:
    """latency_ms: by signature. doubt: of those that are predicted, the relative error that 9 in 10 stay below."""

    latency_ms: Mapping[str, float]
    doubt: Mapping[str, float] = field(default_factory=dict)


def block_latencies(wanted: Mapping[str, Network], profile: Profile, statistic: str) -> Blocks:
    """The latencies of blocks by signature; those that the profile lacks are predicted by a regression over it.

    Raises: ProfileError naming the first block that is lacking where too little is measured to predict it.
    """
    measured = {s: m.latency_ms(statistic) for s, m in profile.blocks.items()}
    lacking = {s: network for s, network in wanted.items() if s not in measured}
    if not lacking:
        return Blocks({s: measured[s] for s in wanted})
    known = known_structures(wanted, profile)
    _check_enough(lacking, known, profile)
    rows, times_ms = table(known.values()), np.array([measured[s] for s in known])
    predicted_ms = Regression.fit(rows, times_ms).predict(table(lacking.values()))
    doubt = conformal(cross_validated(rows, times_ms), times_ms).above
    predicted = dict(zip(lacking, predicted_ms.tolist(), strict=True))
    return Blocks({s: measured[s] if s in measured else predicted[s] for s in wanted}, dict.fromkeys(lacking, doubt))


def known_structures(wanted: Mapping[str, Network], profile: Profile) -> dict[str, Network]:
    """The operators of the measured blocks, where they are known."""
    structures = {**profile.structures, **wanted}
    return {s: structures[s] for s in profile.blocks if s in structures}


def cross_validated(rows: Floats, times_ms: Floats, folds: int = FOLDS) -> Floats:
    """Each block's latency in ms, predicted from the blocks of the other folds."""
    fold = np.random.default_rng(0).permutation(len(rows)) % folds
    predicted = np.empty(len(rows))
    for i in range(folds):
        predicted[fold == i] = Regression.fit(rows[fold != i], times_ms[fold != i]).predict(rows[fold == i])
    return predicted


def _check_enough(lacking: Mapping[str, Network], known: Mapping[str, Network], profile: Profile) -> None:
    kinds = frozenset[str]().union(*map(kinds_of, known.values()))
    foreign = frozenset[str]().union(*map(kinds_of, lacking.values())) - kinds
    if len(known) >= FEWEST_BLOCKS and not foreign:
        return
    why = (f"none of the measured ones has a {min(foreign)} operator" if len(known) >= FEWEST_BLOCKS
           else f"{len(known)} are, and predicting others takes at least {FEWEST_BLOCKS}")
    raise ProfileError(f"{len(lacking)} of the space's blocks are not in the profile {profile.path} ({why}), "
                       f"first {min(lacking)!r}", profile.header.command)
