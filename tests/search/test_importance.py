from pathlib import Path

import pytest
import torch
from space.test_elastic import SHAPE, images
from space.user_networks import made

from edgenas.cost.budget import Budget
from edgenas.cost.exact import exact_model
from edgenas.errors import UsageError
from edgenas.search.decode import Constraint, decode
from edgenas.search.search import SearchResult, search
from edgenas.search.settings import SearchSettings
from edgenas.search.strategies.importance import uniform
from edgenas.search.strategy import load_strategy
from edgenas.selection.limits import well_used
from edgenas.space import Space
from edgenas.space.elastic import ABSENT, space_of
from edgenas.space.traced.apart import take_apart
from edgenas.space.traced.importance import importance_of, ranked

from .toy import colours, fabric, stack_space

STRATEGY = load_strategy("importance")


def own_space() -> Space:
    elastic = take_apart(made("mobilenet"), images(), "n")
    return space_of(ranked(elastic, importance_of(elastic, images(8, seed=2))), "n", SHAPE, 5)


def searched(space: Space, folder: Path, share: float) -> tuple[SearchResult, list[Constraint]]:
    model = exact_model(space, "macs")
    budgets = [Budget("macs", share * model.reachable[1])]
    result = search(space, colours(48), STRATEGY, {"macs": model}, budgets, settings=SearchSettings(), seed=0,
                    fabric=fabric(), checkpoint=folder / "checkpoint.pt")
    return result, well_used(result.scores, {"macs": model}, budgets)


def rise(space: Space, architecture: object) -> float:
    from edgenas.space.choice import places_of

    rises = {name: places[0].rises for name, places in places_of(space.supernet()).items()}
    return sum(rises[choice][picked] for choice, picked in dict(architecture).items())  # type: ignore[call-overload]


def test_what_is_decoded_loses_least_of_all_that_hold_the_budget(tmp_path: Path) -> None:
    space = own_space()
    result, constraints = searched(space, tmp_path, 0.5)
    found = decode(result.scores, constraints)
    assert found is not None
    generator = torch.Generator().manual_seed(0)
    for _ in range(50):
        other = space.random(generator)
        if all(c.floor <= c.model.predict(other) <= c.limit for c in constraints):
            assert rise(space, found) <= rise(space, other) + 1e-9
    whole = {choice: names[0] for choice, names in space.choices.items()}
    assert all(result.scores[choice][name] == 0.0 for choice, name in whole.items())


def test_the_rules_by_which_people_cut_are_tried_too(tmp_path: Path) -> None:
    space = own_space()
    _, constraints = searched(space, tmp_path, 0.5)
    dropped, kept = STRATEGY.proposed(space, constraints)
    assert {dropped[choice] for choice, names in space.choices.items() if ABSENT in names} == {ABSENT}
    assert ABSENT not in kept.values()
    for architecture in (dropped, kept):
        assert all(c.model.predict(architecture) <= c.limit for c in constraints)
    assert dict(uniform(space, 1.0, absent=False)) == {choice: names[0] for choice, names in space.choices.items()}


def test_a_space_that_is_no_trained_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="asks a trained network what it would lose"):
        searched(stack_space(), tmp_path, 0.9)
