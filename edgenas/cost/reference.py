"""Published profiles, and the plain sum of blocks that predicts a network's latency from them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from edgenas.cost.blocks import block_latencies
from edgenas.cost.model import CostModel, combined, networks
from edgenas.cost.profile import Profile
from edgenas.figure import PUBLISHED
from edgenas.space.space import Space


def load_published(path: Path) -> Profile | None:
    """The profile in `path` if it is of published latencies, which no device can be asked to confirm."""
    profile = Profile.load(path) if path.is_file() else None
    return profile if profile and profile.header.provenance == PUBLISHED else None


def sum_model(space: Space, profile: Profile, statistic: str) -> CostModel:
    """Latency as the sum of blocks, as ProxylessNAS (arXiv:1812.00332) has it.

    Without whole networks to compare with there is neither a calibration nor an interval. Blocks that were not
    published are predicted from those that were; the margin is the most that their errors can add to a network, and 0
    where there are none.

    Raises: ProfileError naming the first block that cannot be predicted either.
    """
    parts = networks(space)
    blocks = block_latencies({n.signature: n for n in parts.values() if n is not None}, profile, statistic)
    costs = {key: 0.0 if n is None else blocks.latency_ms[n.signature] for key, n in parts.items()}
    doubts = {key: 0.0 if n is None else costs[key] * blocks.doubt.get(n.signature, 0.0) for key, n in parts.items()}
    model = combined(space, "latency_ms", costs, doubts=doubts)
    most = model.fixed_doubt + sum(max(row.values(), default=0.0) for row in model.doubt.values())
    return replace(model, margin=min(most / model.reachable[0], max(blocks.doubt.values(), default=0.0)))
