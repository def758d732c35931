from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from edgenas.errors import UsageError
from edgenas.space import Choice, Route, choices_of
from edgenas.space.operators import Zero


class Times(nn.Module):
    """Multiplies by a factor and counts its calls."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor, self.calls = factor, 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.factor * x


@pytest.fixture
def operators() -> dict[str, Times]:
    return {"two": Times(2.0), "three": Times(3.0), "five": Times(5.0)}


@pytest.fixture
def x() -> Tensor:
    return torch.tensor([1.0, -2.0])


def test_the_weighted_sum_of_the_active_candidates_and_no_other_is_computed(
        operators: dict[str, Times], x: Tensor) -> None:
    choice = Choice(operators)
    choice.route = Route((0, 2), torch.tensor([0.25, 0.5, 0.75]))
    torch.testing.assert_close(choice(x), (0.25 * 2 + 0.75 * 5) * x)
    assert [op.calls for op in operators.values()] == [1, 0, 1]


def test_one_route_computes_its_candidate_alone_as_it_is(operators: dict[str, Times], x: Tensor) -> None:
    choice = Choice(operators)
    choice.route = Route((1,))
    assert torch.equal(choice(x), 3.0 * x)
    assert [op.calls for op in operators.values()] == [0, 1, 0]


def test_one_active_candidate_keeps_a_weight_that_is_given(operators: dict[str, Times], x: Tensor) -> None:
    choice = Choice(operators)
    choice.route = Route((1,), torch.tensor([0.0, 0.5, 0.5]))
    torch.testing.assert_close(choice(x), 1.5 * x)


def test_gradients_reach_the_weights_of_active_candidates_only(operators: dict[str, Times], x: Tensor) -> None:
    choice = Choice(operators)
    weights = torch.tensor([0.2, 0.3, 0.5], requires_grad=True)
    choice.route = Route((1, 2), weights)
    choice(x).sum().backward()
    assert weights.grad is not None
    assert weights.grad.tolist() == [0.0, 3.0 * -1.0, 5.0 * -1.0]


def test_a_new_choice_takes_its_first_candidate(operators: dict[str, Times], x: Tensor) -> None:
    assert torch.equal(Choice(operators)(x), 2.0 * x)


@pytest.mark.parametrize("count", [0, 1])
def test_there_must_be_something_to_choose(operators: dict[str, Times], count: int) -> None:
    few = dict(list(operators.items())[:count])
    with pytest.raises(UsageError, match=f"a choice of {count} candidate") as caught:
        Choice(few)
    assert "nothing to choose" in caught.value.hint


def test_choices_are_found_by_dotted_name_in_the_order_of_definition(operators: dict[str, Times]) -> None:
    inner = nn.ModuleDict({"z": Choice(operators), "a": Choice(operators)})
    found = choices_of(nn.ModuleDict({"late": inner, "early": Choice(operators)}))
    assert list(found) == ["late.z", "late.a", "early"]
    assert found["late.z"] is inner["z"]
    assert found["early"].names == ("two", "three", "five")


def test_a_closed_candidate_keeps_nothing_for_a_gradient_that_would_be_nought() -> None:
    torch.manual_seed(0)
    choice = Choice({"a": nn.Conv2d(2, 2, 3, padding=1), "b": nn.Sequential(nn.Conv2d(2, 2, 1), nn.ReLU())})
    inputs = torch.randn(3, 2, 4, 4, requires_grad=True)
    gates = torch.tensor([1.0, 0.0], requires_grad=True)
    found = []
    for closed in (frozenset[int](), frozenset({1})):
        choice.route = Route((0, 1), gates, closed)
        output = choice(inputs)
        wanted = (inputs, gates, *choice.candidates["a"].parameters(), *choice.candidates["b"].parameters())
        found.append((output, torch.autograd.grad(output.square().sum(), wanted, allow_unused=True)))
    assert torch.equal(found[0][0], found[1][0])
    for open_gradient, gradient in zip(found[0][1], found[1][1], strict=True):
        if gradient is None:
            assert not open_gradient.any()
        else:
            torch.testing.assert_close(gradient, open_gradient)
    assert found[1][1][1][1] != 0  # the closed gate's own
    assert [gradient is None for gradient in found[1][1][4:]] == [True, True]


def test_a_vanishing_edge_leaves_its_weight_a_gradient_of_nought():
    choice = Choice({"none": Zero(), "conv": nn.Conv2d(1, 1, 1)})
    weights = torch.tensor([1.0, 0.0], requires_grad=True)
    choice.route = Route((0,), weights)
    choice(torch.randn(1, 1, 4, 4)).sum().backward()
    assert weights.grad is not None and not weights.grad.any()
