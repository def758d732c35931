from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from edgenas.search.relaxation import BinaryGates, GumbelSoftmax, SinglePath, Softmax
from edgenas.space import choices_of

from .toy import batch, colours, stack_space, state_of, table


def test_paths_are_routed_to_the_choices_in_order() -> None:
    state = state_of(stack_space(), [table()], [9.0])
    choices = list(choices_of(state.supernet).values())
    paths = state.route(SinglePath())
    assert [c.route.active for c in choices] == [tuple(row) for row in paths.active.tolist()]
    assert all(c.route.weights is None for c in choices)
    paths = state.route(BinaryGates())
    for row, choice in enumerate(choices):
        assert choice.route.active == tuple(paths.active[row].tolist())
        assert choice.route.weights is not None
        assert torch.equal(choice.route.weights, paths.weights[row])
    state.route(GumbelSoftmax(1.0))
    assert [c.route.active for c in choices] == [(0, 1, 2), (0, 1, 2, 3), (0, 1, 2)]


def test_candidates_that_no_budget_allows_are_never_computed() -> None:
    memory = table("peak_memory_kib", combine="max")
    state = state_of(stack_space(), [memory], [2.0])
    choices = list(choices_of(state.supernet).values())
    state.route(GumbelSoftmax(1.0))
    assert [c.route.active for c in choices] == [(0, 1), (1, 2), (0, 2)]
    for _ in range(20):
        for relaxation in (SinglePath(uniform=True), BinaryGates()):
            state.route(relaxation)
            assert all(set(c.route.active) <= set(some)
                       for c, some in zip(choices, ((0, 1), (1, 2), (0, 2)), strict=True))


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_the_loss_is_cross_entropy_and_the_share_of_right_predictions(smoothing: float) -> None:
    state, data = state_of(stack_space(), [table()], [9.0]), batch(colours())
    state.label_smoothing = smoothing
    state.supernet.eval()
    state.route(SinglePath())
    loss, right = state.loss(data)
    logits = state.supernet(data[0])
    torch.testing.assert_close(loss, functional.cross_entropy(logits, data[1], label_smoothing=smoothing))
    assert right == pytest.approx(sum(int(row.argmax()) == int(y) for row, y in zip(*(logits, data[1]), strict=True))
                                  / len(data[1]))


def test_candidates_of_weight_nought_are_closed() -> None:
    state = state_of(stack_space(), [table()], [5.0])
    choices = list(choices_of(state.supernet).values())
    state.route(BinaryGates())
    for choice in choices:
        assert choice.route.weights is not None
        assert choice.route.closed == {i for i in choice.route.active if choice.route.weights[i] == 0}
        assert len(choice.route.closed) == 1
    state.route(Softmax())
    assert all(choice.route.closed == frozenset() for choice in choices)
