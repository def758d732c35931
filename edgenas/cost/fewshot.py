"""A new device from a few measurements: what another device's operators cost, bent to fit them.

As in HELP (Lee et al., NeurIPS 2021) some ten networks are measured on the new device; unlike there nothing is
meta-learned: one other device is the prior.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from edgenas.cost.additive import Additive
from edgenas.errors import UsageError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FEWEST = 4
BELIEFS = (0.0001, 0.001, 0.01, 0.1, 1.0)  # how strongly the other device is believed, against squared relative errors
LEAST_SHARE = 0.003  # of the typical latency: what a part that costs the other device nothing is taken to cost
TUNING = 1.345
ROUNDS = 4
FLOOR = 0.1  # of the least latency measured
FARTHEST = 100  # the next probe is one of this fraction of items, those farthest from all probes so far


def adapt(source_ms: Floats, features: Floats | Sequence[Floats], probes: Ints, probe_ms: Floats) -> Floats:
    """The latency of n items on a new device: (n,) in ms.

    source_ms: (n,) on the other device, measured or predicted. features: (n, d) >= 0; or several such descriptions
    with the same columns (say, operators counted with and without those a runtime removes), of which either device
    may follow another. probes: (k,) indices of the items measured on the new device, k >= 4. probe_ms: (k,).

    The candidates are mixed by how well each predicts the probes from one another.

    Raises: UsageError for too few probes.
    """
    if len(probes) < FEWEST:
        raise UsageError(f"{len(probes)} probes are too few to adapt a profile; it takes at least {FEWEST}",
                         "e.g. --probes 10")
    descriptions = [features] if isinstance(features, np.ndarray) else list(features)
    tables = [np.column_stack([source_ms, np.full(len(source_ms), LEAST_SHARE * source_ms.mean())]),
              *_parts(source_ms, descriptions)]
    found, errors = [], []
    for table, belief in itertools.product(tables, BELIEFS):
        near = table[probes]
        others = [np.arange(len(probes)) != i for i in range(len(probes))]
        left_out = [_bent(near[i:i + 1], near[rest], probe_ms[rest], belief)[0] for i, rest in enumerate(others)]
        errors.append(np.square(np.log(np.array(left_out) / probe_ms)).mean())
        found.append(_bent(table, near, probe_ms, belief))
    doubt = np.log(np.maximum(errors, 1e-12))
    shares = np.exp(-len(probes) / 2 * (doubt - doubt.min()))
    return np.asarray(np.exp(shares / shares.sum() @ np.log(found)))


def choose_probes(source_ms: Floats, features: Floats | Sequence[Floats], count: int, *, seed: int = 0) -> Ints:
    """Indices of `count` items worth measuring first on a new device, of source_ms (n,) and features (n, d).

    Each is about as far as can be, in standardised features, from those chosen before it.

    Raises: UsageError where there are fewer items.
    """
    if not 0 < count <= len(source_ms):
        raise UsageError(f"{count} probes cannot be chosen from {len(source_ms)} items")
    columns = [features] if isinstance(features, np.ndarray) else list(features)
    space = np.column_stack([np.log1p(source_ms / source_ms.mean()), *columns])
    space = (space - space.mean(axis=0)) / np.maximum(space.std(axis=0), 1e-9)
    rng = np.random.default_rng(seed)
    chosen = [int(rng.integers(len(space)))]
    distance = np.square(space - space[chosen[0]]).sum(axis=1)
    for _ in range(count - 1):
        distance[chosen] = -1.0
        far = np.argsort(distance, kind="stable")[-max(1, (len(space) - len(chosen)) // FARTHEST):]
        chosen.append(int(rng.choice(far)))
        distance = np.minimum(distance, np.square(space - space[chosen[-1]]).sum(axis=1))
    return np.array(chosen, dtype=np.int64)


def _bent(parts: Floats, known: Floats, known_ms: Floats, belief: float) -> Floats:
    """Sums of parts (m, p), each part multiplied by its own factor near a common one.

    The factors are fitted, by Huber's regression on relative errors, to known parts (k, p) that took known_ms (k,).
    """
    common = float(np.exp(np.median(np.log(known_ms / known.sum(axis=1)))))
    rows = known * (common / known_ms)[:, None]
    pull = np.sqrt(belief) * np.eye(rows.shape[1])
    trust = np.ones(len(rows))
    for _ in range(ROUNDS):
        factors, _ = nnls(np.vstack([rows * trust[:, None], pull]), np.append(trust, np.diag(pull)))
        error = np.abs(rows @ factors - 1)
        spread = 1.4826 * np.median(error)
        trust = np.sqrt(np.minimum(1.0, TUNING * spread / np.maximum(error, 1e-9))) if spread else trust
    return np.asarray(np.maximum(common * (parts @ factors), FLOOR * known_ms.min()))


def _parts(source_ms: Floats, descriptions: Sequence[Floats]) -> list[Floats]:
    """What each feature costs the source, as its best description tells, in every description: (n, d + 1) each."""
    fits = [Additive.fit(description, source_ms) for description in descriptions]
    errors = [np.square(np.log(fit.predict(d) / source_ms)).mean() for fit, d in zip(fits, descriptions, strict=True)]
    best = int(np.argmin(errors))
    least = LEAST_SHARE * source_ms.mean()
    typical = np.maximum(descriptions[best].mean(axis=0), np.finfo(np.float64).tiny)
    each = np.maximum(fits[best].weights, least / typical)
    overhead = max(fits[best].overhead_ms, least)
    return [np.column_stack([d * each, np.full(len(d), overhead)]) for d in descriptions]
