"""Profiling in a limited time: what tells most is measured first, the rest is predicted."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable

import numpy as np

from edgenas.cost.blocks import FEWEST_BLOCKS, known_structures
from edgenas.cost.fewshot import choose_probes
from edgenas.cost.kernels.features import kinds_of, table
from edgenas.cost.kernels.regression import Regression
from edgenas.cost.latency import FEWEST_NETWORKS
from edgenas.cost.missing import missing_blocks, missing_networks, places, signed
from edgenas.cost.model import networks
from edgenas.cost.profile import Profile
from edgenas.cost.profiling import TORCH, Bench
from edgenas.cost.transfer import probes
from edgenas.errors import UsageError
from edgenas.measure.measurement import STATISTICS
from edgenas.space.space import Space

CHUNK = 8  # what is measured before looking at the clock, and at what was learned, again
NETWORKS_SHARE = 0.4  # of the time, at most, that is kept for whole networks ...
NETWORK_FACTOR = 1.5  # ... each of which is expected to take this many blocks' time
Clock = Callable[[], float]


def profile_within(bench: Bench, minutes: float, clock: Clock = time.monotonic) -> None:
    """Measure what tells most about `bench`'s space, for so many minutes give or take a chunk; note what is left out.

    Raises: DeviceError or ExportError; what was measured until then is kept.
    """
    began, space, profile = clock(), bench.space, bench.profile
    with TORCH:
        whole = missing_networks(space, profile, left_out=True)
    done = 0
    while lacking := list(missing_blocks(space, profile, left_out=True)):
        spent_s = clock() - began
        each_s = spent_s / done if done else 0.0
        kept_s = min(NETWORKS_SHARE * 60 * minutes, NETWORK_FACTOR * each_s * len(whole))
        if spent_s + each_s * min(CHUNK, len(lacking)) + kept_s > 60 * minutes:
            break
        chosen = most_telling(space, profile, lacking, CHUNK)
        bench.blocks({s: missing_blocks(space, profile, left_out=True)[s] for s in chosen})
        done += len(chosen)
    _networks(bench, list(whole), began + 60 * minutes, clock)
    leave_out(bench)


MOST_MINUTES = 100_000


def check_minutes(minutes: float) -> None:
    """Raises: UsageError for a time that is not above 0."""
    if not 0 < minutes <= MOST_MINUTES:
        raise UsageError(f"--budget-minutes is {minutes:g}; it must be above 0, and at most {MOST_MINUTES}",
                         "--budget-minutes 5")


def transfer(bench: Bench, source: Profile, count: int) -> None:
    """Measure `count` whole networks, from which and `source` everything else about the space is predicted.

    Raises: UsageError where `count` is too small or `source` is the same profile; ProfileError where it lacks a
    block; DeviceError or ExportError.
    """
    if count < FEWEST_NETWORKS:
        raise UsageError(f"--probes is {count}; adapting a profile takes at least {FEWEST_NETWORKS}", "--probes 10")
    if source.path.absolute() == bench.profile.path.absolute():
        raise UsageError(f"{source.path} is the profile that is to be made", "transfer from another device's profile")
    chosen = probes(bench.space, source, STATISTICS[0], count)
    bench.profile.add_transfer(source, list(places(bench.space)))
    with TORCH:
        due = signed(bench.space, chosen)
    bench.networks({s: a for s, a in due.items() if s not in bench.profile.networks}, repeat=False)
    leave_out(bench)


def leave_out(bench: Bench) -> None:
    """Note that what is not measured by now is to be predicted."""
    lacking = [*missing_blocks(bench.space, bench.profile), *missing_networks(bench.space, bench.profile)]
    for signature in lacking:
        bench.profile.add_left_out(signature)


def most_telling(space: Space, profile: Profile, lacking: list[str], count: int) -> list[str]:
    """`count` of the `lacking` blocks (signatures): those whose latency matters most to predictions and is least known.

    A block matters as often as a random network has it, and its latency is as little known as the regression over
    what is measured says, in ms. Kinds of operators that nothing measured has come first. Before there is enough for a
    regression, the blocks are chosen to be unlike each other.
    """
    structures = {n.signature: n for n in networks(space).values() if n is not None}
    known = known_structures(structures, profile)
    rows = table(structures[s] for s in lacking)
    if len(known) < FEWEST_BLOCKS:
        size = np.array([structures[s].macs + structures[s].peak_elements for s in lacking], float)
        return [lacking[int(i)] for i in choose_probes(size, rows, min(count, len(lacking)))]
    times_ms = np.array([profile.blocks[s].latency_ms(STATISTICS[0]) for s in known])
    regression = Regression.fit(table(known.values()), times_ms)
    share = weights(space)
    worth = regression.uncertainty(rows) * regression.predict(rows) * np.array([share[s] for s in lacking])
    ranked = [lacking[int(i)] for i in np.argsort(-worth, kind="stable")]
    seen, first = frozenset[str]().union(*map(kinds_of, known.values())), []
    for signature in ranked:
        if kinds_of(structures[signature]) - seen:
            first.append(signature)
            seen |= kinds_of(structures[signature])
    return [*first, *(s for s in ranked if s not in first)][:count]


def weights(space: Space) -> dict[str, float]:
    """How often a random network of the space has each block."""
    found: dict[str, float] = defaultdict(float)
    for part in space.parts:
        network = networks(space)[part.place, part.candidate]
        if network is not None:
            found[network.signature] += 1.0 if part.choice is None else 1 / len(space.choices[part.choice])
    return dict(found)


def _networks(bench: Bench, signatures: list[str], end: float, clock: Clock) -> None:
    """Whole networks, for as long as there is time for another chunk of them."""
    each_s = 0.0
    with TORCH:
        whole = missing_networks(bench.space, bench.profile, left_out=True)
    for start in range(0, len(signatures), CHUNK):
        began, chunk = clock(), signatures[start:start + CHUNK]
        if began + each_s * len(chunk) > end:
            break
        bench.networks({s: whole[s] for s in chunk})
        each_s = (clock() - began) / len(chunk)
