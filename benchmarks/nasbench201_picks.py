"""From searches to networks, and from networks to what is published of them: the rows of nasbench201_search.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from nasbench201_known import DATASETS, Known, latency_model
from scipy.stats import spearmanr

from edgenas.budget import Budget
from edgenas.cost.model import CostModel, exact_model
from edgenas.errors import BudgetError
from edgenas.progress import Silent
from edgenas.run.settling import settle
from edgenas.search.decode import Constraint, Scores, decode
from edgenas.search.ranking import ranked
from edgenas.search.scoring import favour
from edgenas.space import Architecture, Space, load_space

PERCENTILES = (25, 50, 75)
RANDOM_DRAWS = 30
WAYS = ("score", "supernet validation", "zero-cost")
Limit = Sequence[Any]  # device, percentile, limit_ms
Picking = Callable[[Limit | None], tuple[Scores, list[Architecture]]]


def budgets_of(known: Known) -> list[Limit]:
    return [(device, percentile, float(np.percentile(latency_ms, percentile)))
            for device, latency_ms in known.latency_ms.items() for percentile in PERCENTILES]


def rows_of(found: list[dict[str, Any]], known: Known, budgets: list[Limit]) -> list[dict[str, Any]]:
    """A row for each strategy and way of picking, and those of no training at all."""
    space = load_space("nasbench201", (3, 32, 32), 10, {"channels": "16", "cells": "1"})
    rows = []
    for strategy in dict.fromkeys(case["strategy"] for case in found):
        cases = [case for case in found if case["strategy"] == strategy and case["under"] is None]
        for way in [way for way in WAYS if all(ranking(case, way, None) is not None for case in cases)]:
            rows.append(row(strategy, way, [(case["seed"], picking(case, way)) for case in cases], cases, known,
                            space, budgets))
            under = [case for case in found if case["strategy"] == strategy and case["under"] is not None
                     and ranking(case, way, case["under"]) is not None]
            if under:
                rows.append(searched_under(strategy, way, under, known, space))
    return [*rows, *untrained(known, space, budgets)]


def ranking(case: dict[str, Any], way: str, limit: Limit | None) -> list[Architecture] | None:
    """The networks tried under a budget, best first; none by score, and None where a way says nothing."""
    if way == "score":
        return []
    tried = next(t["networks"] for t in case["tried"] if (t["budget"] and t["budget"][:2]) == (
        limit and list(limit[:2])))
    if way == "zero-cost":
        figures = {Architecture(t["architecture"]): t["zero_cost"] for t in tried}
    else:
        figures = {Architecture(t["architecture"]): {"validation": t["validation"]} for t in tried if "validation" in t}
    return ranked(figures) or None


def agreement(found: list[dict[str, Any]], known: Known, way: str) -> float:
    """Spearman of a ranking with the published accuracies, of the networks tried under a budget; the mean over all."""
    values = []
    for case in found:
        for limit in [tried["budget"] for tried in case["tried"] if tried["budget"]]:
            order = ranking(case, way, limit) or []
            points = [known.accuracy_percent["cifar10"][known.row(architecture)] for architecture in order]
            if len(order) > 2:
                values.append(float(spearmanr(range(len(order), 0, -1), points)[0]))
    return float(np.mean(values)) if values else float("nan")


def picking(case: dict[str, Any], way: str) -> Picking:
    """Scores and ranking for a budget."""
    def found(limit: Limit | None) -> tuple[Scores, list[Architecture]]:
        order = ranking(case, way, limit) or []
        return favour(case["scores"], order[0]) if order else case["scores"], order
    return found


def row(strategy: str, way: str, seeded: list[tuple[int, Picking]], cases: list[dict[str, Any]], known: Known,
        space: Space, budgets: list[Limit]) -> dict[str, Any]:
    free_model = Constraint(exact_model(space, "macs"), float("inf"))
    free: dict[str, list[float]] = {name: [] for name in DATASETS}
    cells = []
    for seed, asked in seeded:
        picked = decode(asked(None)[0], [free_model])
        assert picked is not None
        for name in DATASETS:
            free[name].append(float(known.accuracy_percent[name][known.row(picked)]))
        cells += [cell(*asked(limit), limit, seed, known, space) for limit in budgets]
    return summary(strategy, way, free, cells, cases, known)


def searched_under(strategy: str, way: str, under: list[dict[str, Any]], known: Known, space: Space) -> dict[str, Any]:
    """Of searches that knew their budget."""
    cells = [cell(*picking(case, way)(case["under"]), case["under"], case["seed"], known, space) for case in under]
    return summary(strategy, f"{way}, searched under each budget", {}, cells, under, known)


def cell(scores: Scores, order: list[Architecture], limit: Limit, seed: int, known: Known,
         space: Space) -> dict[str, Any]:
    """Settle on a network under one budget, its published latency in the place of a measurement."""
    device, percentile, limit_ms = limit
    model = latency_model(known, device, space, seed)
    try:
        settled = settle(scores, {"latency_ms": model}, [Budget("latency_ms", limit_ms)],
                         lambda a: {"latency_ms": known.latency_of(device, a)}, Silent(), ranking=order)
    except BudgetError as error:
        raise SystemExit(f"{device} at {limit_ms:g} ms: {error.message}") from error
    found, latency_ms = settled.architecture, known.latency_of(device, settled.architecture)
    points = {name: float(known.accuracy_percent[name][known.row(found)]) for name in DATASETS}
    return {"device": device, "percentile": percentile, "limit_ms": limit_ms, "seed": seed, "latency_ms": latency_ms,
            "architecture": dict(found), "accuracy": points, "measured_networks": len(settled.rounds),
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


def untrained(known: Known, space: Space, budgets: list[Limit]) -> list[dict[str, Any]]:
    """Random networks within the budget, and the one of the most multiply-accumulates."""
    macs: CostModel = exact_model(space, "macs")
    most = {choice: {name: cost / macs.reachable[1] for name, cost in costs.items()}
            for choice, costs in macs.table.items()}

    def drawn(seed: int) -> Scores:
        generator = torch.Generator().manual_seed(1000 + seed)
        return {choice: {name: float(torch.randn((), generator=generator)) for name in names}
                for choice, names in space.choices.items()}

    def fixed(scores: Scores) -> Picking:
        return lambda limit: (scores, [])

    random = [(seed, fixed(drawn(seed))) for seed in range(RANDOM_DRAWS)]
    return [row("no training: random", "chance", random, [], known, space, budgets),
            row("no training: most MACs", "MACs", [(0, fixed(most))], [], known, space, budgets)]
