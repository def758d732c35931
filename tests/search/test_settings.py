from __future__ import annotations

import pytest

from edgenas.errors import UsageError
from edgenas.search.settings import Ranking, SearchSettings
from edgenas.search.strategy import general_names, load_strategy
from edgenas.space import load_space

MOBILE = load_space("mobile", (3, 8, 8), 4, {"width": "0.25", "depth": "1"})
CELLS = load_space("nasbench201", (3, 8, 8), 4, {"channels": "4", "cells": "1"})


@pytest.mark.parametrize(("space", "strategy", "ranking", "count"), [
    (MOBILE, "snas", "validation", 16), (CELLS, "snas", "zero_cost", 64), (MOBILE, "zero_cost", "zero_cost", 64),
    (CELLS, "halving", "none", 16)])
def test_by_default_cells_and_untrained_supernets_are_ranked_by_zero_cost(space, strategy, ranking, count) -> None:
    settings = SearchSettings()
    found = settings.ranked_by(space, load_strategy(strategy))
    assert (found, settings.tried(found)) == (ranking, count)


@pytest.mark.parametrize("ranking", ["zero_cost", "validation", "both", "none"])
def test_what_is_asked_for_is_done(ranking: Ranking) -> None:
    settings = SearchSettings(ranking=ranking, candidates=5)
    assert settings.ranked_by(CELLS, load_strategy("snas")) == ranking
    assert settings.tried(ranking) == 5 and SearchSettings(candidates=0).tried(ranking) == 0


def test_unranked_as_many_are_sampled_as_the_trials_may_measure() -> None:
    assert SearchSettings(trials=5).tried("none") == 10 and SearchSettings(trials=0).tried("none") == 0


@pytest.mark.parametrize(("settings", "words"), [
    (SearchSettings(scoring="perturbation"), "scoring perturbation asks the trained supernet"),
    (SearchSettings(ranking="validation"), "ranking validation asks the trained supernet"),
    (SearchSettings(ranking="both"), "ranking both asks the trained supernet")])
def test_what_asks_a_supernet_is_refused_without_one(settings: SearchSettings, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        settings.check(load_strategy("zero_cost"))


def test_evolution_needs_more_candidates_than_its_first_population() -> None:
    with pytest.raises(UsageError, match="evolution tries 16 candidates, of which 16 are its first population"):
        SearchSettings(scoring="evolution").check(load_strategy("snas"))
    SearchSettings(scoring="evolution", candidates=17).check(load_strategy("snas"))


@pytest.mark.parametrize("name", general_names())
def test_the_defaults_suit_every_strategy(name: str) -> None:
    SearchSettings().check(load_strategy(name))


def test_a_strategy_that_goes_by_trials_is_refused_without_any() -> None:
    with pytest.raises(UsageError, match=r"search\.trials is 0"):
        SearchSettings(trials=0).check(load_strategy("halving"))
    SearchSettings(trials=0).check(load_strategy("zero_cost"))
