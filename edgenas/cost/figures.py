"""Costs that a runtime tells of a file beside its latency, such as memory: from those of blocks and whole networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgenas.cost.heldout import MARGIN_QUANTILE
from edgenas.cost.latency import FEWEST_NETWORKS
from edgenas.cost.metrics import metric_of
from edgenas.cost.model import CostModel, by_choice, combined, networks
from edgenas.cost.profile import Profile
from edgenas.cost.published import Published
from edgenas.errors import ProfileError
from edgenas.measure.measurement import Measurement
from edgenas.measure.runtime import Reported
from edgenas.space.space import Space


@dataclass(frozen=True)
class Share:
    """What a block or network takes: `largest` for as long as it runs, `added` all the time."""

    largest: float
    added: float


def figure_model(space: Space, profile: Profile, metric: str, told: Reported) -> CostModel:
    """The cost model of a metric that the profile's runtime tells.

    A network takes the largest of its blocks' shares that come and go, and the sum of those that stay. Files of single
    blocks each have what a network has once; how much that is, the measured networks tell, by medians. The margin is
    the 90% quantile of how far these networks are above their prediction.

    Raises: ProfileError naming what has not been measured yet.
    """
    parts = networks(space)
    wanted = {network.signature for network in parts.values() if network is not None}
    if lacking := sorted(wanted - profile.blocks.keys()):
        raise ProfileError(f"{metric} is not predicted from other blocks, and {len(lacking)} of the space's are not in "
                           f"the profile {profile.path}, first {lacking[0]!r}", profile.header.command)
    shares = {s: share(profile.blocks[s], metric, told, profile) for s in wanted}
    ours = [n for n in profile.networks.values() if wanted >= set(n.blocks)]
    if len(ours) < FEWEST_NETWORKS:
        raise ProfileError(f"the profile {profile.path} holds {len(ours)} whole networks of space {space.name!r}; "
                           f"predicting {metric} takes at least {FEWEST_NETWORKS}", profile.header.command)
    blocks = [[shares[s] for s in n.blocks] for n in ours]
    plain = np.array([max(s.largest for s in row) + sum(s.added for s in row) for row in blocks])
    truth = np.array([figure_of(n.measurement, told.figure, profile) for n in ours])
    counts = np.array([float(len(row)) for row in blocks])
    each, once = _offsets(truth - plain, counts, min(s.added for s in shares.values()))
    margin = max(0.0, float(np.quantile(truth / (plain - each * counts + once) - 1, MARGIN_QUANTILE)))
    added = {key: 0.0 if n is None else shares[n.signature].added - each for key, n in parts.items()}
    if metric_of(metric).combine == "sum":
        return combined(space, metric, added, fixed=once, margin=margin)
    largest = {key: 0.0 if n is None else shares[n.signature].largest for key, n in parts.items()}
    fixed = sum(cost for (_, candidate), cost in added.items() if candidate is None)
    return replace(combined(space, metric, largest, margin=margin), bias=once + fixed,
                   added=by_choice(space, added, sum) if any(added.values()) else {})


def share(measurement: Measurement | Published, metric: str, told: Reported, profile: Profile) -> Share:
    """A block's; raises ProfileError as `figure_of` does."""
    whole = figure_of(measurement, told.figure, profile)
    if metric_of(metric).combine == "sum":
        return Share(0.0, whole)
    added = figure_of(measurement, told.added, profile) if told.added else 0.0
    return Share(whole - added, added)


def figure_of(measurement: Measurement | Published, name: str, profile: Profile) -> float:
    """Raises: ProfileError for a measurement without the figure."""
    figures: Mapping[str, float] = measurement.figures if isinstance(measurement, Measurement) else {}
    if name not in figures:
        raise ProfileError(f"the profile {profile.path} does not tell {name}", f"{profile.header.command} --renew")
    return figures[name]


def _offsets(excess: NDArray[np.float64], counts: NDArray[np.float64], most: float) -> tuple[float, float]:
    """What each block's file has that the network has once, at most `most`, and what the network has once."""
    each = float(np.clip(np.median(-excess / np.maximum(counts - 1, 1)), 0.0, most))
    return each, float(np.median(excess + each * counts))
