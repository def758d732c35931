from __future__ import annotations

import pytest
import torch
from torch import nn

from edgenas.search import collapse
from edgenas.search.history import SearchEpoch
from edgenas.search.state import SearchState
from edgenas.space import choices_of

from .toy import stack_space, state_of, table


def state(*, memory: float = 99.0) -> SearchState:
    """Choices of 3, 4 and 3 candidates: the first with one skip, the second with a skip and a pool, the third none."""
    models = [table(), table("peak_memory_kib", combine="max")]
    ours = state_of(stack_space(), models, [9.0, memory])
    one, two, _ = choices_of(ours.network).values()
    one.candidates["o0"] = nn.Identity()
    two.candidates["o1"], two.candidates["o2"] = nn.Identity(), nn.MaxPool2d(3, 1, 1)
    return ours


def learned(ours: SearchState, first: float, second: float) -> SearchState:
    """The first choice's skip, and the second's skip and pool together, have these probabilities."""
    rows = [[first, (1 - first) / 2, (1 - first) / 2, 1e-9],
            [(1 - second) / 2, second / 2, second / 2, (1 - second) / 2], [1 / 3, 1 / 3, 1 / 3, 1e-9]]
    with torch.no_grad():
        ours.parameters.values.copy_(torch.tensor(rows).log())
    return ours


def test_the_share_is_the_mean_over_choices_that_may_or_may_not_be_parameter_free() -> None:
    ours = state()
    assert collapse.parameter_free(ours).tolist() == [[True, False, False, False], [False, True, True, False],
                                                      [False] * 4]
    assert collapse.share(ours) == pytest.approx((1 / 3 + 2 / 4) / 2)
    assert collapse.share(learned(ours, 0.9, 0.2)) == pytest.approx(0.55, abs=1e-5)
    assert collapse.picked(learned(ours, 0.9, 0.2)) == 0.5
    assert collapse.picked(learned(ours, 0.1, 0.8)) == 0.5
    assert collapse.picked(learned(ours, 0.9, 0.8)) == 1.0


def test_what_no_budget_allows_does_not_count() -> None:
    """A choice whose candidates with parameters are all too large must be parameter-free: that is no collapse."""
    ours = state(memory=0.9)  # of the second choice only o2 is left, of the first none but what costs more: all gone
    assert ours.parameters.mask[1].tolist() == [False, False, True, False]
    assert not collapse.parameter_free(ours).any()
    assert collapse.share(ours) == collapse.picked(ours) == 0.0


def test_a_space_without_parameter_free_candidates_never_collapses() -> None:
    ours = state_of(stack_space(), [table()], [9.0])
    assert collapse.share(ours) == collapse.picked(ours) == 0.0
    assert collapse.warnings(ours, []) == []


def test_prices_of_a_budget_are_no_collapse() -> None:
    ours = learned(state(), 0.2, 0.2)
    before = collapse.share(ours)
    ours.multipliers.value.fill_(50.0)
    assert collapse.share(ours) == before
    assert float(ours.probabilities[0, 0].detach()) > 0.9


@pytest.mark.parametrize(("first", "second", "warned"), [
    (0.2, 0.2, False), (0.8, 0.2, False), (0.5, 0.6, True), (0.9, 0.9, True)])
def test_a_search_that_ends_in_skips_is_told_with_the_remedy(first: float, second: float, warned: bool) -> None:
    found = collapse.warnings(learned(state(), first, second), [])
    assert len(found) == warned
    if warned:
        assert "collapsed" in found[0]
        assert "--strategy darts_minus" in found[0]
        assert f"{(first + second) / 2:.0%} of the probability" in found[0]


def rows(*entropies: float) -> list[SearchEpoch]:
    return [SearchEpoch(loss=1.0, accuracy=0.5, entropy=e, budgets={}, seconds=1.0) for e in entropies]


@pytest.mark.parametrize(("history", "warned"), [
    (rows(1.0, 0.999, 0.995), True), (rows(0.9, 0.95, 0.99), True), (rows(1.0, 0.9, 0.8), False),
    (rows(1.0, 1.0), False), ([], False), (rows(0.0, 0.0, 0.0), False)])
def test_a_search_whose_entropy_does_not_fall_is_told(history: list[SearchEpoch], warned: bool) -> None:
    found = collapse.warnings(learned(state(), 0.2, 0.2), history)
    assert [("decided little" in w, "search.epochs" in w) for w in found] == [(True, True)] * warned
