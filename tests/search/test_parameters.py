from __future__ import annotations

import math

import pytest
import torch

from edgenas.search.parameters import ArchitectureParameters

CHOICES = {"a": ("x", "y", "z"), "b": ("x", "y")}
MASK = torch.tensor([[True, False, True], [True, True, False]])


@pytest.fixture
def parameters() -> ArchitectureParameters:
    return ArchitectureParameters(CHOICES, MASK)


def test_all_allowed_candidates_start_equally_likely(parameters: ArchitectureParameters) -> None:
    assert parameters.probabilities.tolist() == [[0.5, 0.0, 0.5], [0.5, 0.5, 0.0]]
    assert parameters.entropy() == pytest.approx(1.0)


def test_scores_are_the_log_probabilities_of_what_is_allowed(parameters: ArchitectureParameters) -> None:
    with torch.no_grad():
        parameters.values.copy_(torch.tensor([[1.0, 9.0, 0.0], [0.0, 2.0, 9.0]]))
    scores = parameters.scores()
    assert {choice: list(names) for choice, names in scores.items()} == {"a": ["x", "z"], "b": ["x", "y"]}
    assert scores["a"]["x"] == pytest.approx(1 - math.log(1 + math.e), abs=1e-5)
    assert scores["b"]["y"] == pytest.approx(2 - math.log(1 + math.e**2), abs=1e-5)


def test_entropy_falls_to_nought_as_choices_are_decided(parameters: ArchitectureParameters) -> None:
    with torch.no_grad():
        parameters.values.copy_(torch.tensor([[50.0, 0.0, 0.0], [0.0, 0.0, 0.0]]))
    assert parameters.entropy() == pytest.approx(0.5)
    with torch.no_grad():
        parameters.values[1, 0] = 50.0
    assert parameters.entropy() == pytest.approx(0.0, abs=1e-6)


def test_a_choice_with_one_allowed_candidate_is_decided() -> None:
    one = ArchitectureParameters({"a": ("x", "y")}, torch.tensor([[True, False]]))
    assert one.entropy() == 0.0
    assert one.scores() == {"a": {"x": 0.0}}


def test_gradients_reach_the_values_but_not_those_that_are_masked(parameters: ArchitectureParameters) -> None:
    parameters.probabilities[0, 0].backward()
    assert parameters.values.grad is not None
    assert parameters.values.grad.tolist() == [[0.25, 0.0, -0.25], [0.0, 0.0, 0.0]]


def test_a_checkpoint_holds_values_and_mask(parameters: ArchitectureParameters) -> None:
    assert set(parameters.state_dict()) == {"values", "mask"}
