from __future__ import annotations

import math

import pytest
import torch

from edgenas.search.parameters import ArchitectureParameters, entropy

CHOICES = {"a": ("x", "y", "z"), "b": ("x", "y")}
MASK = torch.tensor([[True, False, True], [True, True, False]])


def even_or_not(parameters: ArchitectureParameters) -> float:
    return entropy(torch.softmax(parameters.logits, 1), parameters.mask)


@pytest.fixture
def parameters() -> ArchitectureParameters:
    return ArchitectureParameters(CHOICES, MASK)


def test_all_allowed_candidates_start_equally_likely(parameters: ArchitectureParameters) -> None:
    assert torch.softmax(parameters.logits, 1).tolist() == [[0.5, 0.0, 0.5], [0.5, 0.5, 0.0]]


def test_scores_are_the_log_probabilities_of_what_is_allowed(parameters: ArchitectureParameters) -> None:
    with torch.no_grad():
        parameters.values.copy_(torch.tensor([[1.0, 9.0, 0.0], [0.0, 2.0, 9.0]]))
    scores = parameters.scores()
    assert {choice: list(names) for choice, names in scores.items()} == {"a": ["x", "z"], "b": ["x", "y"]}
    assert scores["a"]["x"] == pytest.approx(1 - math.log(1 + math.e), abs=1e-5)
    assert scores["b"]["y"] == pytest.approx(2 - math.log(1 + math.e**2), abs=1e-5)


def test_gradients_reach_the_values_but_not_those_that_are_masked(parameters: ArchitectureParameters) -> None:
    (gradient,) = torch.autograd.grad(torch.softmax(parameters.logits, 1)[0, 0], parameters.values)
    assert gradient.tolist() == [[0.25, 0.0, -0.25], [0.0, 0.0, 0.0]]


def test_a_choice_with_one_allowed_candidate_is_decided() -> None:
    one = ArchitectureParameters({"a": ("x", "y")}, torch.tensor([[True, False]]))
    assert one.scores() == {"a": {"x": 0.0}}
    assert entropy(torch.softmax(one.logits, 1), one.mask) == 0.0


def test_a_checkpoint_holds_all_that_changes(parameters: ArchitectureParameters) -> None:
    assert set(parameters.state_dict()) == {"values", "mask", "allowed", "baseline"}
    more = ArchitectureParameters(CHOICES, MASK, more=torch.nn.Linear(1, 1))
    assert set(more.state_dict()) == {"values", "mask", "allowed", "baseline", "more.weight", "more.bias"}


def test_what_was_dropped_is_scored_below_every_network_of_the_rest(parameters: ArchitectureParameters) -> None:
    parameters.values.data.copy_(torch.tensor([[9.0, 0.0, -9.0], [3.0, -5.0, 0.0]]))
    assert parameters.completed(parameters.scores()) == parameters.scores()
    parameters.mask[0, 2] = False
    live, every = parameters.scores(), parameters.completed(parameters.scores())
    assert live["a"] == {"x": 0.0}
    assert {choice: list(names) for choice, names in every.items()} == {"a": ["x", "z"], "b": ["x", "y"]}
    assert every["a"]["x"] == 0.0
    assert every["a"]["z"] + max(every["b"].values()) < every["a"]["x"] + min(every["b"].values())
    assert all(score <= 0 for row in every.values() for score in row.values())


@pytest.mark.parametrize(("rows", "expected"), [
    ([[0.5, 0.0, 0.5], [0.5, 0.5, 0.0]], 1.0), ([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], 0.0),
    ([[0.5, 0.0, 0.5], [1.0, 0.0, 0.0]], 0.5),
    ([[0.9, 0.0, 0.1]] * 2, -(0.9 * math.log(0.9) + 0.1 * math.log(0.1)) / math.log(2)),
])
def test_entropy_is_a_share_of_that_of_all_allowed_candidates(rows: list[list[float]], expected: float) -> None:
    assert entropy(torch.tensor(rows), MASK) == pytest.approx(expected, abs=1e-6)
