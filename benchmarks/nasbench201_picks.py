"""From searches to networks, and from networks to what is published of them: the rows of nasbench201_search.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from nasbench201_known import DATASETS, Known, latency_model

from edgenas.cost.budget import Budget
from edgenas.cost.exact import exact_model
from edgenas.cost.model import CostModel
from edgenas.progress import Silent
from edgenas.search.decode import Constraint, Scores, decode, even
from edgenas.selection.correction import settle
from edgenas.selection.sampling import perturbed
from edgenas.space import Space, load_space

PERCENTILES = (25, 50, 75)
RANDOM_DRAWS = 30
TIE_BREAK = 1e-5  # of the largest network's multiply-accumulates: less than any two candidates differ by
Limit = Sequence[Any]  # device, percentile, limit_ms


def budgets_of(known: Known) -> list[Limit]:
    return [(device, percentile, float(np.percentile(latency_ms, percentile)))
            for device, latency_ms in known.latency_ms.items() for percentile in PERCENTILES]


def rows_of(found: list[dict[str, Any]], known: Known, budgets: list[Limit]) -> list[dict[str, Any]]:
    """A row for each strategy and way of picking, and those of no training at all."""
    rows = []
    for strategy in dict.fromkeys(case["strategy"] for case in found):
        for bound in (False, True):
            cases = [case for case in found if case["strategy"] == strategy and (case["under"] is not None) == bound]
            for way in dict.fromkeys(settled["way"] for case in cases for settled in case["settled"]):
                rows.append(row(strategy, way, cases, known))
    return [*rows, *untrained(known, budgets)]


def row(strategy: str, way: str, cases: list[dict[str, Any]], known: Known) -> dict[str, Any]:
    """Of searches that knew their budget, or of those that knew none."""
    settled = [(case["seed"], found) for case in cases for found in case["settled"] if found["way"] == way]
    rows = [known.row(found["architecture"]) for _, found in settled if found["budget"] is None]
    free = {name: known.accuracy_percent[name][rows].tolist() for name in DATASETS if rows}
    cells = [cell(found["architecture"], found["budget"], seed, found["rounds"], known)
             for seed, found in settled if found["budget"] is not None]
    agreements = [found["agreement"] for _, found in settled if found["budget"] is not None
                  and found["agreement"] is not None]
    picked_by = f"{way}, searched under each budget" if cases[0]["under"] else way
    found = summary(strategy, picked_by, free, cells, cases, known)
    trial_minutes = float(np.mean([found["trial_minutes"] for _, found in settled]))
    return found | {"agreement": float(np.mean(agreements)) if agreements else None,
                    "minutes": found["minutes"] + trial_minutes}


def cell(found: Mapping[str, str], limit: Limit, seed: int, rounds: int, known: Known) -> dict[str, Any]:
    """What is published of the network that was settled on under one budget."""
    device, percentile, limit_ms = limit
    points = {name: float(known.accuracy_percent[name][known.row(found)]) for name in DATASETS}
    return {"device": device, "percentile": percentile, "limit_ms": limit_ms, "seed": seed,
            "latency_ms": known.latency_of(device, found), "architecture": dict(found), "accuracy": points,
            "measured_networks": rounds,
            "regret": {name: known.oracle(name, device, limit_ms) - points[name] for name in DATASETS}}


def summary(strategy: str, way: str, free: dict[str, list[float]], cells: list[dict[str, Any]],
            cases: list[dict[str, Any]], known: Known) -> dict[str, Any]:
    return {"strategy": strategy, "picked_by": way, "free": free, "cells": cells,
            "over": sum(c["latency_ms"] > c["limit_ms"] for c in cells),
            "regret_free": {name: float(known.accuracy_percent[name].max() - np.mean(values))
                            for name, values in free.items()},
            "regret_budgets": {name: float(np.mean([c["regret"][name] for c in cells])) for name in DATASETS},
            "minutes": float(np.mean([case["minutes"] for case in cases])) if cases else 0.0,
            "peak_mib": float(np.mean([case["peak_mib"] for case in cases])) if cases else 0.0}


def untrained(known: Known, budgets: list[Limit]) -> list[dict[str, Any]]:
    """Random networks within the budget, and those of the most multiply-accumulates, of which there are many: a random
    one of them."""
    space = load_space("nasbench201", (3, 32, 32), 10, {"channels": "16", "cells": "1"})
    macs: CostModel = exact_model(space, "macs")
    most = {choice: {name: cost / macs.reachable[1] for name, cost in costs.items()}
            for choice, costs in macs.table.items()}

    def drawn(scores: Scores, scale: float) -> list[Scores]:
        return [perturbed(scores, torch.Generator().manual_seed(1000 + seed), scale) for seed in range(RANDOM_DRAWS)]

    return [by_scores("no training: random", "chance", drawn(even(space.choices), 1.0), known, space, budgets),
            by_scores("no training: most MACs", "MACs", drawn(most, TIE_BREAK), known, space, budgets)]


def by_scores(strategy: str, way: str, seeded: list[Scores], known: Known, space: Space,
              budgets: list[Limit]) -> dict[str, Any]:
    """Networks decoded by given scores."""
    cases: list[dict[str, Any]] = []
    for seed, scores in enumerate(seeded):
        settled = [{"budget": limit, "way": way, "agreement": None, "trial_minutes": 0.0}
                   | decoded(scores, limit, seed, known, space) for limit in (None, *budgets)]
        cases.append({"seed": seed, "under": None, "minutes": 0.0, "peak_mib": 0.0, "settled": settled})
    return row(strategy, way, cases, known)


def decoded(scores: Scores, limit: Limit | None, seed: int, known: Known, space: Space) -> dict[str, Any]:
    if limit is None:
        return {"architecture": decode(scores, [Constraint(exact_model(space, "macs"), float("inf"))]), "rounds": 0}
    device, _, limit_ms = limit
    found = settle(scores, {"latency_ms": latency_model(known, device, space, seed)}, [Budget("latency_ms", limit_ms)],
                   lambda a: {"latency_ms": known.latency_of(device, a)}, Silent())
    return {"architecture": found.architecture, "rounds": len(found.rounds)}
