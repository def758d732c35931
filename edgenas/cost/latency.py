"""Latency from a profile: what blocks cost in a network, calibrated on whole networks that were measured.

The interval is the jackknife's, of relative errors: each random network is left out of the fit in turn, and the
⌈(n + 1) · 0.9⌉-th smallest error is allowed on either side (conformal.py). Leaving out rather than splitting, because
twenty networks are too few to give half of them away. What holds: for random networks of the space, measured as those
of the profile were, it covers 90% on average over profiles if leaving one network out hardly moves the fit, as it does
here (a few figures with priors, outliers weighed down). Without that condition the jackknife promises nothing, and the
jackknife+ 80% (Barber et al., "Predictive inference with the jackknife+", Annals of Statistics 2021, theorems 1 and 5).
The share covered in one profile scatters by 6 points around the average, and more where networks are unlike random
ones. Errors are of networks measured once more, in a session that the fit knows nothing of, as a prediction will be
held against another measurement; a session hours later adds half a percent, in quadrature. Blocks that were predicted
rather than measured widen the interval by their own cross-validated error times their share of the network, as in
conformalised quantile regression (Romano et al., NeurIPS 2019): networks with more of them than those of the profile
keep their coverage if their blocks' errors are like those of the measured ones.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edgenas.cost.blocks import Blocks, block_latencies
from edgenas.cost.calibration import Fitter, Seen, calibrated, left_out
from edgenas.cost.heldout import FEWEST_FOR_INTERVAL, MOST_MARGIN, SESSION, Evaluation, HeldOut, band, margin
from edgenas.cost.model import CostModel, blocks_of, combined, networks
from edgenas.cost.network import Network
from edgenas.cost.profile import Profile
from edgenas.cost.sampling import SPREAD, spread
from edgenas.cost.transfer import source_rows, transferred
from edgenas.errors import ProfileError
from edgenas.figure import MEASURED
from edgenas.space.space import Space

FEWEST_NETWORKS = 6


@dataclass(frozen=True)
class Study:
    """A space's blocks by signature, and how whole networks that were measured follow from them.

    doubt: of blocks, the relative error of those that are predicted. session: relative, see heldout.SESSION.
    """

    cost_ms: dict[str, float]
    doubt: Mapping[str, float]
    overhead_ms: float
    evaluation: Evaluation
    session: float = SESSION


def latency_model(space: Space, profile: Profile, statistic: str) -> tuple[CostModel, HeldOut]:
    """The calibrated latency model of `space`, with its held-out error; its margin is the held-out residuals'.

    Blocks that were not measured are predicted (blocks.py), and widen the interval.

    Raises: ProfileError naming what has not been measured yet, or that predictions are too far off.
    """
    found = study(space, profile, statistic)
    held_out = found.evaluation.held_out()
    check_margin(held_out, space, profile)
    return model_of(space, found), held_out


def check_margin(found: HeldOut, space: Space, profile: Profile) -> None:
    """Raises: ProfileError for a model that is too far off to hold a budget by."""
    if found.margin <= MOST_MARGIN:
        return
    fewer = profile.transfer is not None or profile.left_out
    raise ProfileError(
        f"the profile {profile.path} predicts networks of space {space.name!r} too badly: held-out networks took up "
        f"to {found.margin:.0%} longer than predicted (mean error {found.mape:.0%}); at most {MOST_MARGIN:.0%} is "
        "accepted", profile.header.command + (", which measures what is only predicted now" if fewer else
                                       " --renew, while nothing else keeps the device busy"))


def model_of(space: Space, found: Study) -> CostModel:
    signatures = {key: None if network is None else network.signature for key, network in networks(space).items()}
    costs = {key: 0.0 if s is None else found.cost_ms[s] for key, s in signatures.items()}
    doubts = {key: 0.0 if s is None else found.cost_ms[s] * found.doubt.get(s, 0.0) for key, s in signatures.items()}
    return combined(space, "latency_ms", costs, fixed=found.overhead_ms, margin=margin(found.evaluation),
                    band=band(found.evaluation, found.session), doubts=doubts)


def study(space: Space, profile: Profile, statistic: str) -> Study:
    """Raises: ProfileError naming what has not been measured yet."""
    wanted = {network.signature: network for network in networks(space).values() if network is not None}
    blocks, fitter = _fitter(wanted, profile, statistic)
    ours = [n for n in profile.networks.values() if wanted.keys() >= set(n.blocks)]
    if len(ours) < FEWEST_NETWORKS:
        raise ProfileError(f"the profile {profile.path} holds {len(ours)} whole networks of space {space.name!r}; "
                           f"calibration takes at least {FEWEST_NETWORKS}", profile.header.command)
    seen = Seen(np.array([[float(n.blocks.count(s)) for s in wanted] for n in ours]),
                np.array([n.measurement.latency_ms(statistic) for n in ours]))
    fit, doubt = fitter(seen), np.array([blocks.doubt.get(s, 0.0) for s in wanted])
    plain = np.array([blocks.latency_ms[s] for s in wanted])
    placed = {blocks_of(space, a) for a in spread(space, SPREAD)}
    drawn = np.array([n.blocks not in placed for n in ours])
    tested = drawn if drawn.sum() >= FEWEST_FOR_INTERVAL else np.ones_like(drawn)
    afresh_ms = np.array([n.afresh.latency_ms(statistic) for n in ours])
    evaluation = Evaluation(afresh_ms, sum_ms=seen.counts @ plain, doubt_ms=seen.counts @ (doubt * fit.cost_ms),
                            left_out=left_out(seen, fitter), tested=tested)
    session = SESSION if profile.header.provenance == MEASURED else 0.0
    return Study(dict(zip(wanted, fit.cost_ms.tolist(), strict=True)), blocks.doubt, fit.overhead_ms, evaluation,
                 session)


def _fitter(wanted: dict[str, Network], profile: Profile, statistic: str) -> tuple[Blocks, Fitter]:
    rows = source_rows(wanted, profile, statistic)
    if rows is not None:
        taken_over = dict(zip(wanted, rows[:, 0].tolist(), strict=True))
        return Blocks(taken_over), functools.partial(transferred, rows)
    blocks = block_latencies(wanted, profile, statistic)
    return blocks, functools.partial(calibrated, np.array([blocks.latency_ms[s] for s in wanted]))

