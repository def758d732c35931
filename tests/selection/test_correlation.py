from __future__ import annotations

import math

import pytest
import torch
from scipy.stats import norm

from edgenas.search.decode import Scores
from edgenas.selection.correlation import score_correlation

NAMES = ("x", "y", "z", "w")
CHOICES = 60


def scores(values: torch.Tensor) -> Scores:
    return {f"c{i}": dict(zip(NAMES, torch.log_softmax(row, 0).tolist(), strict=True))
            for i, row in enumerate(values)}


def drawn(seed: int) -> torch.Tensor:
    return torch.randn(CHOICES, len(NAMES), generator=torch.Generator().manual_seed(seed))


def test_searches_that_learned_the_same_correlate_fully_and_the_opposite_negatively() -> None:
    two = {"a": {"x": math.log(0.8), "y": math.log(0.2)}}
    opposite = {"a": {"x": math.log(0.2), "y": math.log(0.8)}}
    assert score_correlation([scores(drawn(0))] * 3) == pytest.approx(1.0)
    assert score_correlation([two, opposite]) == pytest.approx(-1.0)


def test_searches_that_learned_nothing_correlate_by_no_more_than_chance() -> None:
    found = score_correlation([scores(drawn(seed)) for seed in range(4)])
    assert found is not None
    assert abs(found) < norm.ppf(0.9999) / math.sqrt(6 * CHOICES * (len(NAMES) - 1))


@pytest.mark.parametrize("shared", [0.5, 1.0])
def test_it_is_the_shared_part_of_the_variance_of_what_they_learned(shared: float) -> None:
    small = 0.1  # probabilities are all but linear in logits there
    common = drawn(99) * math.sqrt(shared)
    found = score_correlation([scores(small * (common + drawn(seed) * math.sqrt(1 - shared))) for seed in range(6)])
    assert found == pytest.approx(shared, abs=0.1)


def test_a_level_that_all_candidates_of_a_choice_share_does_not_count() -> None:
    one, other = {"a": {"x": 0.0, "y": 1.0}, "b": {"x": 5.0, "y": 4.0}}, {"a": {"x": 7.0, "y": 8.0}, "b": {"x": 1.0,
                                                                                                     "y": 0.0}}
    assert score_correlation([one, other]) == pytest.approx(1.0)


def test_what_one_search_dropped_has_no_probability_there() -> None:
    whole, dropped = {"a": {"x": 0.0, "y": 0.0, "z": -30.0}}, {"a": {"x": 0.0, "y": 0.0}}
    assert score_correlation([whole, dropped]) == pytest.approx(1.0)


def test_there_is_none_of_one_search_or_of_one_without_preference() -> None:
    assert score_correlation([]) is None
    assert score_correlation([scores(drawn(0))]) is None
    assert score_correlation([scores(drawn(0)), scores(torch.zeros(CHOICES, len(NAMES)))]) is None
