"""A new device from ten measurements: another device's profile, bent to fit a few whole networks.

Whole networks rather than blocks: each tells something about ten blocks at once, in their place. Between onnxruntime
and LiteRT on one machine, whose ranks hardly agree, ten networks predicted others with half the error of ten blocks,
or of five and five.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from edgenas.cost.additive import Additive
from edgenas.cost.calibration import Fit, Seen
from edgenas.cost.fewshot import choose_probes
from edgenas.cost.kernels.features import FEATURES, KINDS, table
from edgenas.cost.model import blocks_of, networks
from edgenas.cost.network import Network
from edgenas.cost.profile import Profile
from edgenas.cost.sampling import spread
from edgenas.errors import ProfileError
from edgenas.space.architecture import Architecture
from edgenas.space.space import Space

Floats = NDArray[np.float64]

POOL = 200  # random networks among which the ones to measure are chosen
COLUMNS = [FEATURES.index(f"{kind} {what}") for kind in KINDS for what in ("macs", "written")]


def source_rows(wanted: Mapping[str, Network], profile: Profile, statistic: str) -> Floats | None:
    """(blocks, 1 + 2 · kinds of operators): the other device's latency in ms, and the work of each kind.

    None where the profile took nothing over, or holds all of these blocks by now.
    """
    source = profile.transfer
    if source is None or wanted.keys() <= profile.blocks.keys() or not wanted.keys() <= source.blocks.keys():
        return None
    latency_ms = [source.blocks[s].latency_ms(statistic) for s in wanted]
    return np.column_stack([latency_ms, table(wanted.values())[:, COLUMNS]])


def transferred(rows: Floats, seen: Seen) -> Fit:
    """Blocks cost a multiple of what they cost on the other device, and something for each kind of operator.

    rows: (blocks, features), of source_rows.
    """
    found = Additive.fit(seen.counts @ rows, seen.measured_ms)
    return Fit(found.overhead_ms, rows @ found.weights)


def probes(space: Space, source: Profile, statistic: str, count: int, seed: int = 0) -> list[Architecture]:
    """The `count` architectures to measure on the new device: the space's ends, and some unlike each other.

    Raises: ProfileError if `source` lacks a block of the space.
    """
    wanted = {n.signature: n for n in networks(space).values() if n is not None}
    if lacking := wanted.keys() - source.blocks.keys():
        raise ProfileError(f"the profile {source.path} lacks {len(lacking)} of the blocks of space {space.name!r}, "
                           f"first {min(lacking)!r}", source.header.command)
    block_ms = np.array([source.blocks[s].latency_ms(statistic) for s in wanted])
    generator = torch.Generator().manual_seed(seed)
    pool = list(dict.fromkeys([*spread(space, 2), *(space.random(generator) for _ in range(POOL))]))
    counts = np.array([[float(blocks_of(space, a).count(s)) for s in wanted] for a in pool])
    chosen = choose_probes(counts @ block_ms, counts @ table(wanted.values())[:, COLUMNS], min(count, len(pool)))
    return [pool[int(i)] for i in chosen]
