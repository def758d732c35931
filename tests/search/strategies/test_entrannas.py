from __future__ import annotations

from collections import OrderedDict
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from edgenas.cost.model import CostModel
from edgenas.search.bilevel import first_order
from edgenas.search.relaxation import Softmax
from edgenas.search.state import SearchState
from edgenas.search.strategies.entrannas import Entrannas, SparseSoftmax, Transit, derived_now
from edgenas.space import Choice, Space, choices_of, load_space, places_of

from ..toy import Operator, batch, colours, copied, stack_space, state_of, table

PLACES = {"a": 3, "b": 2, "c": 1}
COST = {"a": (3.0, 1.0, 2.0), "b": (3.0, 1.0, 2.0), "c": (3.0, 1.0, 2.0)}
GENERATOR = torch.Generator()


def repeated(shape: tuple[int, int, int], classes: int) -> nn.Module:
    """Three choices of three operators, at three places, two, and one."""
    layers: OrderedDict[str, nn.Module] = OrderedDict(stem=nn.Conv2d(shape[0], 4, 3, padding=1))
    for name, count in PLACES.items():
        for place in range(count):
            layers[f"{name}{place}"] = Choice({f"o{i}": Operator(4) for i in range(3)}, name)
    return nn.Sequential(layers | {"pool": nn.AdaptiveAvgPool2d(1), "flat": nn.Flatten(),
                                   "head": nn.Linear(4, classes)})


def state(limit: float = 9.0, **options: Any) -> SearchState:
    model = CostModel("macs", "sum", 0.0, {c: {f"o{i}": cost for i, cost in enumerate(row)} for c, row in COST.items()})
    return state_of(Space("repeated", repeated, (3, 8, 8), 4), [model], [limit], **options)


def counts(ours: SearchState) -> dict[str, list[list[int]]]:
    """Choice -> place -> forward passes of each candidate."""
    return {name: [[cast(Operator, o).calls for o in place.candidates.values()] for place in places]
            for name, places in places_of(ours.network).items()}


def learned(ours: SearchState, *best: int) -> SearchState:
    for row, column in enumerate(best):
        ours.parameters.values.data[row, column] = 5.0
    return ours


def test_the_engine_computes_all_candidates_the_transit_places_the_derived_one() -> None:
    ours, data = learned(state(), 2, 0, 1), batch(colours())
    Entrannas().step(ours, data, data, 0.5)  # a pass for the architecture and one for the weights
    assert counts(ours) == {"a": [[0, 0, 2], [0, 0, 2], [2, 2, 2]], "b": [[2, 0, 0], [2, 2, 2]], "c": [[2, 2, 2]]}


def test_what_is_derived_is_what_would_be_decoded_within_the_budgets() -> None:
    assert derived_now(learned(state(), 0, 0, 0)).tolist() == [0, 0, 0]
    assert derived_now(learned(state(3.0), 0, 0, 0)).tolist() == [1, 1, 1]
    assert derived_now(learned(state(5.0), 0, 2, 1)).tolist() != [0, 2, 1]


def test_transit_places_follow_the_architecture_at_every_step() -> None:
    ours, data = learned(state(), 2, 0, 1), batch(colours())
    for best in (2, 1):
        ours.parameters.values.data.zero_()
        learned(ours, best, best, best)
        Entrannas().step(ours, data, data, 0.5)
        routes = [place.route for places in places_of(ours.network).values() for place in places[:-1]]
        assert all(route.active == (best,) and route.weights is None for route in routes)


def test_values_are_those_of_the_derived_operators_and_one_mixture() -> None:
    ours, (images, _) = learned(state(), 2, 0, 1), batch(colours())
    with torch.no_grad():
        ours.parameters.values.add_(torch.tensor([0.3, -0.2, 0.5]))
        paths = ours.route(Transit(Softmax(), derived_now(ours)))
        found = ours.network(images)
        network = cast(nn.Sequential, ours.network)
        x = network.stem(images)
        for name, weights in zip(PLACES, paths.weights, strict=True):
            *transit, engine = places_of(network)[name]
            for place in transit:
                x = list(place.candidates.values())[int(weights.argmax())](x)
            x = sum(w * operator(x) for w, operator in zip(weights, engine.candidates.values(), strict=True))
        torch.testing.assert_close(found, network.head(network.flat(network.pool(x))))


def test_the_architecture_learns_from_the_engine_and_all_its_weights_train() -> None:
    ours, data = state(), batch(colours())
    before = copied(ours)
    Entrannas().step(ours, data, data, 0.5)
    assert ours.parameters.values.grad is not None
    assert (ours.parameters.values.grad != 0).all()
    changed = {name for name, value in copied(ours).items() if not torch.equal(value, before[name])}
    picked = derived_now(state()).tolist()
    for name, column in zip(PLACES, picked, strict=True):
        for place in range(PLACES[name]):
            trained = {i for i in range(3) if f"{name}{place}.candidates.o{i}.conv.weight" in changed}
            assert trained == ({0, 1, 2} if place == PLACES[name] - 1 else {column})


def test_where_choices_have_one_place_it_steps_as_darts_does() -> None:
    data = batch(colours())
    ours, plain = (state_of(stack_space(), [table()], [9.0]) for _ in range(2))
    assert Entrannas().step(ours, data, data, 0.5) == pytest.approx(first_order(plain, data, data))
    torch.testing.assert_close(ours.parameters.values, plain.parameters.values)


@pytest.mark.parametrize(("threshold", "expected"), [
    (0.0, [0.5, 0.3, 0.2]), (0.5, [0.25 / 0.3, 0.05 / 0.3, 0.0]), (0.99, [1.0, 0.0, 0.0])])
def test_light_candidates_leave_the_mixture_as_the_threshold_rises(threshold: float, expected: list[float]) -> None:
    logits = torch.tensor([[0.5, 0.3, 0.2]]).log().requires_grad_()
    weights = SparseSoftmax(threshold).sample(logits, GENERATOR).weights
    torch.testing.assert_close(weights, torch.tensor([expected]))
    weights[0, 0].backward()
    assert logits.grad is not None
    assert float(logits.grad[0, 2]) == 0 or threshold == 0.0


def test_an_even_choice_stays_even_at_any_threshold() -> None:
    logits: Tensor = torch.tensor([[0.0, 0.0, -torch.inf]])
    assert SparseSoftmax(0.9).sample(logits, GENERATOR).weights.tolist() == [[0.5, 0.5, 0.0]]


@pytest.mark.parametrize("name", ["cell", "nasbench201"])
def test_in_cells_the_last_of_each_kind_is_the_engine(name: str) -> None:
    space = load_space(name, (3, 8, 8), 4, {"channels": "2", "cells": "4", "nodes": "1"} if name == "cell" else
                       {"channels": "2", "cells": "2"})
    ours, data = state_of(space, [], []), batch(colours())
    Entrannas().step(ours, data, data, 0.0)
    engines = {path.split(".")[0 if name == "nasbench201" else 1]
               for path, choice in choices_of(ours.network).items() if choice.route.weights is not None}
    assert engines == ({"stage3_cell2"} if name == "nasbench201" else {"cell4", "cell3"})
