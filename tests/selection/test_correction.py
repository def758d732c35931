from __future__ import annotations

from itertools import product

import pytest

from edgenas.cost.budget import Budget
from edgenas.cost.model import CostModel
from edgenas.errors import BudgetError
from edgenas.progress import Silent
from edgenas.selection.attempts import Attempt
from edgenas.selection.correction import RANKED_ROUNDS, ROUNDS, check_together, settle
from edgenas.selection.limits import REPEATABILITY, safe
from edgenas.space import Architecture

TABLE = {"a": {"small": 1.0, "middle": 2.0, "large": 4.0}, "b": {"small": 1.0, "middle": 2.5, "large": 5.0}}
SCORES = {choice: {"small": -3.0, "middle": -2.0, "large": -1.0} for choice in TABLE}
EVERY = [Architecture({"a": a, "b": b}) for a, b in product(TABLE["a"], TABLE["b"])]


class Heard(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


def latency(margin: float = 0.0) -> CostModel:
    return CostModel("latency_ms", "sum", 1.0, TABLE, margin)


def settled(limit, measure, margin=0.0, progress=None):
    return settle(SCORES, {"latency_ms": latency(margin)}, [Budget("latency_ms", limit)],
                  lambda a: {"latency_ms": measure(latency().predict(a))}, progress or Silent())


def test_a_network_that_is_as_predicted_is_taken_at_once():
    heard = Heard()
    found = settled(7.7, lambda predicted: predicted, progress=heard)
    assert dict(found.architecture) == {"a": "large", "b": "middle"}
    assert found.rounds == [Attempt(found.architecture, predicted={"latency_ms": 7.5}, costs={"latency_ms": 7.5},
                                    within=True)]
    assert heard.lines == ["round 1: latency_ms predicted 7.5 measured 7.5 of 7.7"]


def test_a_network_over_budget_corrects_the_model_until_one_holds():
    found = settled(8.0, lambda predicted: 1.4 * predicted)
    first, *_ = found.rounds
    assert not first.within and first.costs["latency_ms"] > 8.0
    assert 1.4 * latency().predict(found.architecture) <= 8.0
    chosen = next(r for r in found.rounds if r.architecture == dict(found.architecture))
    assert chosen.within
    assert found.rounds[1].predicted["latency_ms"] > latency().predict(found.rounds[1].architecture)


def test_a_budget_that_is_hardly_used_is_used_better():
    found = settled(8.0, lambda predicted: 0.6 * predicted)
    first, *others = found.rounds
    assert first.within and first.costs["latency_ms"] < 0.95 * 8.0
    assert others
    best = max(r.costs["latency_ms"] for r in found.rounds if r.within)
    assert 0.6 * latency().predict(found.architecture) == pytest.approx(best)
    assert best > first.costs["latency_ms"]


def test_of_the_networks_that_use_the_budget_well_the_best_scored_is_taken():
    scores = {"a": {"small": -1.0, "middle": -2.0, "large": -9.0}, "b": {"small": -1.0, "middle": -3.0, "large": -9.0}}
    found = settle(scores, {"latency_ms": latency(margin=0.5)}, [Budget("latency_ms", 5.9)],
                   lambda a: {"latency_ms": latency().predict(a)}, Silent())
    held = [r for r in found.rounds if r.within]
    well_used = [r.architecture for r in held if r.costs["latency_ms"] >= 0.9 * 5.9]
    assert len(well_used) < len(held)
    assert dict(found.architecture) == max(well_used, key=lambda a: sum(scores[c][n] for c, n in a.items()))


def test_without_a_network_that_holds_every_figure_is_said():
    measured = []

    def measure(architecture):
        measured.append(9.0 + len(measured))
        return {"latency_ms": measured[-1]}

    with pytest.raises(BudgetError, match="^none of [1-8] decoded networks held the budget when measured: ") as error:
        settle(SCORES, {"latency_ms": latency()}, [Budget("latency_ms", 8.0)], measure, Silent())
    assert 1 <= len(measured) <= ROUNDS
    assert all(f"latency_ms {figure:.4g} of 8" in error.value.message for figure in measured)
    assert error.value.exit_code == 3 and error.value.hint


def test_a_device_that_alternates_is_asked_about_each_network_once():
    asked = []

    def measure(architecture):
        asked.append(architecture)
        return {"latency_ms": 8.5 if len(asked) % 2 else 7.0}

    found = settle(SCORES, {"latency_ms": latency()}, [Budget("latency_ms", 8.0)], measure, Silent())
    assert len(set(asked)) == len(asked) == len(found.rounds) <= ROUNDS
    assert [r.within for r in found.rounds] == [i % 2 == 1 for i in range(len(found.rounds))]
    assert found.architecture in [a for i, a in enumerate(asked) if i % 2]


@pytest.mark.parametrize("margin", [0.0, 0.1, 0.5, 3.0])
def test_a_budget_just_above_the_smallest_network_is_held_whatever_the_margin(margin):
    smallest, _ = latency().reachable
    found = settled(smallest * (1 + REPEATABILITY) * 1.1, lambda predicted: predicted, margin)
    assert dict(found.architecture) == {"a": "small", "b": "small"}


def test_a_measured_latency_must_hold_when_it_is_measured_again():
    assert safe(Budget("latency_ms", 1.02)) == pytest.approx(1.0)
    assert safe(Budget("macs", 1.02)) == 1.02
    limit = 7.5 * 1.01  # the best network's own 7.5 would be within the limit, but not by enough
    found = settled(limit, lambda predicted: predicted)
    assert latency().predict(found.architecture) < 7.5


def test_an_exact_model_is_never_corrected():
    exact = CostModel("macs", "sum", 1.0, TABLE, exact=True)
    models, budgets = {"macs": exact, "latency_ms": latency()}, [Budget("macs", 8.0), Budget("latency_ms", 6.0)]
    found = settle(SCORES, models, budgets,
                   lambda a: {"macs": exact.predict(a), "latency_ms": 1.3 * latency().predict(a)}, Silent())
    for row in found.rounds:
        assert row.predicted["macs"] == row.costs["macs"] == exact.predict(row.architecture)
    assert found.rounds[-1].within


def test_every_budget_must_hold_not_only_the_first():
    memory = CostModel("peak_memory_kib", "max", 1.0, TABLE, exact=True)
    models, budgets = ({"latency_ms": latency(), "peak_memory_kib": memory},
                       [Budget("latency_ms", 10.0), Budget("peak_memory_kib", 2.0)])
    found = settle(SCORES, models, budgets, lambda a: {m: models[m].predict(a) for m in models}, Silent())
    assert dict(found.architecture) == {"a": "middle", "b": "small"}


def test_budgets_that_exclude_each_other_are_refused():
    other = CostModel("macs", "sum", 0.0, {"a": {"small": 9.0, "middle": 1.0, "large": 1.0},
                                           "b": {"small": 9.0, "middle": 1.0, "large": 1.0}}, exact=True)
    models = {"latency_ms": latency(), "macs": other}
    check_together(models, [Budget("latency_ms", 6.0), Budget("macs", 2.0)])
    with pytest.raises(BudgetError, match="is predicted to hold latency_ms = 5 and macs = 2 at once"):
        check_together(models, [Budget("latency_ms", 5.0), Budget("macs", 2.0)])


def test_no_network_at_all_is_an_error_without_a_measurement():
    with pytest.raises(BudgetError, match="no network of this space is predicted to hold latency_ms = 2 at once"):
        settled(2.0, lambda predicted: pytest.fail("nothing to measure"))


def of(a: str, b: str) -> Architecture:
    return Architecture({"a": a, "b": b})


def ranked(limit, ranking, measure, margin=0.0):
    return settle(SCORES, {"latency_ms": latency(margin)}, [Budget("latency_ms", limit)],
                  lambda a: {"latency_ms": measure(latency().predict(a))}, Silent(), rank=lambda models: ranking)


def test_the_best_ranked_network_that_holds_is_taken_whatever_its_score():
    ranking = [of("middle", "middle"), of("large", "middle"), of("small", "large")]
    found = ranked(6.0, ranking, lambda predicted: predicted)
    assert found.architecture == ranking[0] and len(found.rounds) == 1
    ranking = [of("large", "large"), of("small", "large"), of("large", "middle")]
    found = ranked(7.7, ranking, lambda predicted: predicted)
    assert found.architecture == of("small", "large")  # the first is predicted to miss, and is not measured
    assert [row.architecture for row in found.rounds] == [dict(of("small", "large"))]


def test_the_ranking_is_gone_down_with_half_of_the_first_error():
    ranking = [of("large", "middle"), of("small", "large"), of("middle", "middle")]  # 7.5, 7 and 5.5
    found = ranked(7.8, ranking, lambda predicted: predicted + (1.0 if predicted == 7.5 else 0.0))
    assert [row.predicted["latency_ms"] for row in found.rounds] == [7.5, 7.5]
    assert found.architecture == ranking[1]


def test_after_a_few_ranked_networks_that_miss_one_is_decoded():
    ranking = [a for a in EVERY if latency().predict(a) <= 9.0]
    found = ranked(9.0, ranking, lambda predicted: predicted * (1.9 if predicted > 3.5 else 1.0))
    tried = [row.architecture for row in found.rounds]
    assert len([a for a in tried if a in ranking[:RANKED_ROUNDS]]) <= RANKED_ROUNDS and len(tried) <= ROUNDS
    assert latency().predict(found.architecture) <= 9.0 / 1.9 or latency().predict(found.architecture) <= 3.5


def test_a_ranked_network_that_is_far_cheaper_than_predicted_is_not_the_end():
    ranking = [of("large", "middle"), of("middle", "middle")]
    found = ranked(8.0, ranking, lambda predicted: 0.6 * predicted)
    assert len(found.rounds) > 1
    assert 0.6 * latency().predict(found.architecture) > 0.6 * 7.5
    assert ranked(8.0, ranking, lambda predicted: 0.85 * predicted).architecture == ranking[0]


def test_when_the_ranking_is_used_up_others_are_ranked_that_the_corrected_model_lets_through():
    asked = []

    def rank(models):
        asked.append(models["latency_ms"].predict(of("small", "small")))
        return [of("large", "middle")] if len(asked) == 1 else [of("middle", "small"), of("middle", "middle")]

    found = settle(SCORES, {"latency_ms": latency()}, [Budget("latency_ms", 8.0)],
                   lambda a: {"latency_ms": 1.3 * latency().predict(a)}, Silent(), rank=rank)
    assert asked == [3.0, 3.0 + 0.3 * 7.5 / 2]  # half of the first error
    assert found.architecture == of("middle", "small")


def chosen(limit, ranking, wanted, measure=lambda predicted: predicted):
    """The last of those that were to be chosen from, and these."""
    offered = []

    def choose(found):
        offered.extend(found)
        return found[-1]

    return settle(SCORES, {"latency_ms": latency()}, [Budget("latency_ms", limit)],
                  lambda a: {"latency_ms": measure(latency().predict(a))}, Silent(), rank=lambda models: ranking,
                  wanted=wanted, choose=choose), offered


def test_one_is_chosen_of_the_best_ranked_that_hold():
    ranking = [of("large", "middle"), of("middle", "middle"), of("large", "small"), of("small", "small")]
    found, offered = chosen(7.8, ranking, 3)
    assert offered == ranking[:3] and found.architecture == ranking[2] and len(found.rounds) == 3
    found, offered = chosen(7.8, ranking, 9)
    assert offered == ranking and found.architecture == ranking[3]  # fewer than wanted; nothing is ranked again
    assert chosen(7.8, ranking, 1) == (ranked(7.8, ranking, lambda predicted: predicted), [])


def test_where_most_of_the_ranked_miss_others_are_ranked_until_half_of_those_that_are_wanted_hold():
    """One that holds is not taken for want of others."""
    rankings = [[of("small", "small"), of("large", "middle"), of("small", "large")],
                [of("middle", "middle"), of("large", "small")]]
    asked = []

    def rank(models):
        asked.append(models)
        return rankings[min(len(asked), len(rankings)) - 1]

    def choose(found):
        offered.extend(found)
        return found[-1]

    offered: list[Architecture] = []
    settle(SCORES, {"latency_ms": latency()}, [Budget("latency_ms", 7.6)],
           lambda a: {"latency_ms": latency().predict(a) * (1.2 if latency().predict(a) > 6 else 1.0)}, Silent(),
           rank=rank, wanted=6, choose=choose)
    assert len(asked) >= 2 and offered == [of("small", "small"), *rankings[1]]


def test_no_more_than_twice_as_many_are_measured_as_are_wanted():
    ranking = sorted((a for a in EVERY if latency().predict(a) <= 8.0), key=latency().predict)
    found, offered = chosen(8.0, ranking, 2, lambda predicted: predicted * (1.6 if 5.2 < predicted < 7.2 else 1.0))
    assert 1 <= len(offered) <= 2 and len(found.rounds) <= 4
    assert all(latency().predict(a) not in (5.5, 7.0) for a in offered)
