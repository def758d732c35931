from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from edgenas.cost.budget import Budget
from edgenas.errors import UsageError
from edgenas.progress import Silent
from edgenas.search.decode import Constraint, decode
from edgenas.search.perturbation import IMAGES, perturbation_scores, scaled, strengths_of, tune, validation_loss
from edgenas.search.relaxation import Given, Softmax
from edgenas.search.search import SearchResult, search
from edgenas.search.settings import SearchSettings
from edgenas.search.state import SearchState
from edgenas.search.strategy import load_strategy
from edgenas.search.update import single_level

from .test_planted import BEST, LIMIT, MODEL, SPACE
from .toy import batch, calls, colours, copied, fabric, named, stack_space, state_of, table

TASK = colours(360)


def trained(steps: int = 10, memory: float = 99.0) -> SearchState:
    state = state_of(stack_space(), [table(), table("peak_memory_kib", combine="max")], [9.0, memory])
    for _ in range(steps):
        single_level(state, Softmax(), batch(TASK, 64))
    return state


def scores_of(state: SearchState, tuning: int = 0) -> dict[str, dict[str, float]]:
    found = perturbation_scores(state, TASK, TASK.train, batch_size=32, lr=0.05, tuning=tuning, seed=0,
                                progress=Silent())
    return {choice: dict(row) for choice, row in found.items()}


def test_the_loss_is_that_of_the_mixture_on_validation_images_by_the_batchs_statistics() -> None:
    state = trained()
    weights = state.probabilities.detach()
    state.route(Given(weights))
    state.network.train()
    images, labels = TASK.normalise(TASK.validation.images), TASK.validation.labels
    assert len(labels) < IMAGES
    expected = functional.cross_entropy(state.network(images), labels)
    assert validation_loss(state, TASK, weights) == pytest.approx(float(expected.detach()), rel=1e-4)


def test_a_strength_is_the_rise_of_the_loss_without_the_candidate() -> None:
    state = trained()
    weights = state.probabilities.detach()
    found = strengths_of(state, TASK, weights, 1)
    for column in range(4):
        without = weights.clone()
        without[1, column] = 0
        assert float(found[column]) == pytest.approx(
            validation_loss(state, TASK, without) - validation_loss(state, TASK, weights), abs=1e-6)
    assert len(set(found.tolist())) == 4


def test_what_was_taken_out_or_decided_against_is_not_computed() -> None:
    state = trained(0)
    validation_loss(state, TASK, torch.tensor([[0.5, 0.0, 0.5, 0.0], [0.0, 1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3, 0.0]]))
    assert calls(state) == [[1, 0, 1], [0, 1, 0, 0], [1, 1, 1]]


def test_scores_are_below_the_strongest_in_one_unit_and_only_of_what_is_allowed() -> None:
    state = trained(0, memory=2.0)  # allows one: o0 o1, two: o1 o2, three: o0 o2
    strengths = torch.tensor([[0.3, 0.1, 9.0, 0.0], [9.0, -0.2, 0.2, 9.0], [0.0, 9.0, 0.0, 0.0]])
    found = scaled(state, strengths)
    unit = math.sqrt((0.1**2 * 2 + 0.2**2 * 2) / 6) / (math.pi / math.sqrt(6))
    assert {choice: dict(row) for choice, row in found.items()} == {
        "one": pytest.approx({"o0": 0.0, "o1": -0.2 / unit}), "two": pytest.approx({"o1": -0.4 / unit, "o2": 0.0}),
        "three": {"o0": 0.0, "o2": 0.0}}
    nothing = scaled(state, torch.zeros(3, 4))
    assert {score for row in nothing.values() for score in row.values()} == {0.0}


def test_scoring_changes_no_weight_and_no_statistic_unless_it_tunes() -> None:
    state = trained()
    before = {name: value.clone() for name, value in state.network.state_dict().items()}
    values = state.parameters.values.detach().clone()
    first = scores_of(state)
    assert all(torch.equal(value, before[name]) for name, value in state.network.state_dict().items())
    assert state.network.training
    assert scores_of(state) == first
    assert scores_of(state, tuning=1) != first
    assert not torch.equal(state.network.state_dict()["head.weight"], before["head.weight"])
    assert torch.equal(state.parameters.values, values)
    assert state.weight_optimizer.param_groups[0]["lr"] < 0.05


def test_tuning_trains_the_weights_along_the_mixture_that_is_left() -> None:
    state = trained()
    weights = torch.tensor([[0.5, 0.5, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]])
    before = copied(state)
    tune(state, TASK, TASK.train, Given(weights), 0.1, 32, (0, 0))
    for name in ("one.candidates.o1.conv.weight", "two.candidates.o1.conv.weight", "stem.weight"):
        assert not torch.equal(named(state)[name], before[name])
    gradient = named(state)["one.candidates.o2.conv.weight"].grad
    assert gradient is None or not gradient.any()


def planted(folder: Path, seed: int, strategy: str = "darts", tuning: int = 0, epochs: int = 8) -> SearchResult:
    return search(SPACE, TASK, load_strategy(strategy), {"macs": MODEL}, [Budget("macs", LIMIT)], fabric=fabric(),
                  settings=SearchSettings(epochs=epochs, batch_size=24, lr=0.1, scoring="perturbation", tuning=tuning),
                  seed=seed, checkpoint=folder / "c.pt")


@pytest.mark.parametrize("strategy", ["darts", "snas"])
def test_the_planted_optimum_is_found_by_perturbation(tmp_path: Path, strategy: str) -> None:
    found = []
    for seed in range(5):
        architecture = decode(planted(tmp_path / str(seed), seed, strategy).scores, [Constraint(MODEL, LIMIT)])
        assert architecture is not None
        found.append(tuple(architecture.values()))
    assert found.count(BEST) >= 4, found


def test_a_finished_search_is_scored_again_to_the_same_result(tmp_path: Path) -> None:
    first, again = (planted(tmp_path, 0, tuning=1, epochs=1) for _ in range(2))
    assert first.scores == again.scores
    assert torch.equal(first.supernet.state_dict()["head.2.weight"], again.supernet.state_dict()["head.2.weight"])


def test_a_strategy_that_trains_no_supernet_cannot_be_scored_by_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="this strategy trains none") as caught:
        planted(tmp_path, 0, "random")
    assert "search.scoring=probability" in caught.value.hint
