"""Latency from a profile: the sum of block latencies, calibrated on whole networks that were measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import lsq_linear
from scipy.stats import spearmanr

from edgenas.cost.model import CostModel, combined, networks
from edgenas.cost.profile import Profile
from edgenas.errors import ProfileError
from edgenas.space.architecture import Architecture
from edgenas.space.space import Space

Floats = NDArray[np.float64]

FEWEST_NETWORKS = 6
PRIOR_WEIGHT = 0.02  # how strongly the plain sum of blocks is believed, against one network's relative error
MARGIN_QUANTILE = 0.9


@dataclass(frozen=True)
class HeldOut:
    """How far predictions were from networks that the fit had not seen (each left out in turn).

    mape: mean absolute relative error. within_10: share of networks within ±10%. margin: the 90% quantile of the
    relative error on the dangerous side, measured above predicted; never negative.
    """

    networks: int
    mape: float
    spearman: float
    within_10: float
    margin: float


@dataclass(frozen=True)
class Calibration:
    """network latency = overhead_ms + scale · Σ blocks + per_block_ms · number of blocks."""

    overhead_ms: float
    scale: float
    per_block_ms: float


def latency_model(space: Space, profile: Profile, statistic: str) -> tuple[CostModel, HeldOut]:
    """The calibrated latency model of `space`, with its held-out error; its margin is the held-out residuals'.

    Raises: ProfileError naming what has not been measured yet.
    """
    parts = networks(space)
    signatures = {key: None if network is None else network.signature for key, network in parts.items()}
    missing = {s for s in signatures.values() if s is not None and s not in profile.blocks}
    if missing:
        raise ProfileError(f"{len(missing)} of the blocks of space {space.name!r} are not in the profile "
                           f"{profile.path}, first {min(missing)!r}", profile.header.command)
    block_ms = {s: profile.blocks[s].latency_ms(statistic) for s in signatures.values() if s is not None}
    sums, counts, measured = _observations(profile, block_ms, statistic)
    if len(measured) < FEWEST_NETWORKS:
        raise ProfileError(f"the profile {profile.path} holds {len(measured)} whole networks of space {space.name!r}; "
                           f"calibration takes at least {FEWEST_NETWORKS}", profile.header.command)
    least = min(block_ms.values())
    fit = fit_calibration(sums, counts, measured, least)
    error = held_out(sums, counts, measured, least)
    costs = {key: 0.0 if s is None else fit.scale * block_ms[s] + fit.per_block_ms for key, s in signatures.items()}
    return combined(space, "latency_ms", costs, fixed=fit.overhead_ms, margin=error.margin), error


def fit_calibration(sums_ms: Floats, counts: Floats, measured_ms: Floats, least_block_ms: float) -> Calibration:
    """Least squares on relative errors, drawn towards the plain sum of blocks (scale 1, no overhead).

    The prior decides what the networks cannot: where none has a block less, the number of blocks explains nothing.
    Fitted are the overhead, what blocks cost beyond the least one, and that one's cost inside a network; none of them
    is below zero, so that no block costs less than nothing.
    """
    typical, most = measured_ms.mean(), counts.max()
    beyond_least = sums_ms - counts * least_block_ms
    rows = np.stack([np.full_like(sums_ms, typical), beyond_least, counts * typical / most], axis=1)
    strength = np.sqrt(PRIOR_WEIGHT)
    design = np.vstack([rows / measured_ms[:, None], strength * np.eye(3)])
    prior = np.array([0.0, 1.0, least_block_ms * most / typical])
    target = np.concatenate([np.ones_like(measured_ms), strength * prior])
    overhead, scale, least = lsq_linear(design, target, bounds=(0.0, np.inf)).x
    return Calibration(float(overhead * typical), float(scale), float(least * typical / most - scale * least_block_ms))


def held_out(sums_ms: Floats, counts: Floats, measured_ms: Floats, least_block_ms: float) -> HeldOut:
    """Leave-one-out errors of `fit_calibration`."""
    predicted = np.empty_like(measured_ms)
    for i in range(len(measured_ms)):
        rest = np.arange(len(measured_ms)) != i
        fit = fit_calibration(sums_ms[rest], counts[rest], measured_ms[rest], least_block_ms)
        predicted[i] = fit.overhead_ms + fit.scale * sums_ms[i] + fit.per_block_ms * counts[i]
    relative = (predicted - measured_ms) / measured_ms
    over = measured_ms / predicted - 1
    return HeldOut(
        networks=len(measured_ms),
        mape=float(np.abs(relative).mean()),
        spearman=float(spearmanr(predicted, measured_ms).statistic),
        within_10=float((np.abs(relative) <= 0.1).mean()),
        margin=max(0.0, float(np.quantile(over, MARGIN_QUANTILE))),
    )


def blocks_of(space: Space, architecture: Architecture) -> tuple[str, ...]:
    """The signatures of the parts that a network of `architecture` executes, in the order of the network."""
    return tuple(network.signature for (place, candidate), network in networks(space).items()
                 if network is not None and (candidate is None or architecture[place] == candidate))


def _observations(profile: Profile, block_ms: dict[str, float], statistic: str) -> tuple[Floats, Floats, Floats]:
    ours = [n for n in profile.networks.values() if all(b in block_ms for b in n.blocks)]
    return (np.array([sum(block_ms[b] for b in n.blocks) for n in ours]),
            np.array([float(len(n.blocks)) for n in ours]),
            np.array([n.measurement.latency_ms(statistic) for n in ours]))
