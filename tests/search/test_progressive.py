"""The stages of P-DARTS: what they leave out, how deep they are, and that they can be interrupted."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import nn

from edgenas.cost.budget import Budget
from edgenas.cost.exact import exact_model
from edgenas.errors import UsageError
from edgenas.progress import Silent
from edgenas.search.decode import Constraint, decode
from edgenas.search.progressive import beyond_the_limit, least_likely
from edgenas.search.regulariser import dropped_skips
from edgenas.search.search import SearchResult, search
from edgenas.search.settings import SearchSettings
from edgenas.search.stage import stages_of
from edgenas.search.state import SearchState
from edgenas.search.strategies.p_darts import PDarts
from edgenas.space import Choice, choices_of, load_space
from edgenas.space.choice import Route

from .toy import COSTS, calls, colours, fabric, stack_space, state_of, table

TINY = {"channels": "4", "cells": "1"}


class Watching(PDarts):
    """Notes at each step which candidates are live and how many cells the supernet has, and counts what is computed."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        object.__setattr__(self, "seen", [])

    def step(self, state: SearchState, *given: Any) -> dict[str, float]:
        log = super().step(state, *given)
        cast(Any, self).seen.append((state.stage, state.parameters.mask.clone(), calls(state),
                                     state.parameters.scores()))
        return log


def run(strategy: PDarts, folder: Path, *, limit: float = 9.0, epochs: int = 6, progress: Silent | None = None,
        ) -> SearchResult:
    return search(stack_space(), colours(60), strategy, {"macs": table()}, [Budget("macs", limit)], fabric=fabric(),
                  settings=SearchSettings(epochs=epochs, batch_size=12), seed=0, checkpoint=folder / "checkpoint.pt",
                  progress=progress)


@pytest.mark.parametrize(("epochs", "count", "expected"), [
    (20, 1, [(0, 20)]), (20, 3, [(0, 6), (6, 7), (13, 7)]), (3, 3, [(0, 1), (1, 1), (2, 1)])])
def test_stages_divide_the_epochs(tmp_path: Path, epochs: int, count: int, expected: list[tuple[int, int]]) -> None:
    stages = stages_of(epochs, count, tmp_path / "c.pt")
    assert [(stage.first, stage.epochs) for stage in stages] == expected
    assert [stage.is_last for stage in stages] == [*[False] * (count - 1), True]
    assert stages[-1].checkpoint == tmp_path / "c.pt"
    assert len({stage.checkpoint for stage in stages}) == count


def test_of_eight_candidates_five_and_three_are_left_the_likeliest() -> None:
    space, strategy = load_space("cell", (3, 8, 8), 4, TINY | {"nodes": "2", "keep": "1"}), PDarts()
    state = state_of(space, [], [])
    torch.manual_seed(0)
    state.parameters.values.data.normal_()
    for number, left in ((0, 5), (1, 3)):
        state.stage = number, 3
        needed = state.derived(state.parameters.scores())
        gone = strategy.dropped(state)
        assert (~gone).sum(1).tolist() == [left] * len(space.choices)
        for row, (choice, names) in enumerate(space.choices.items()):
            kept = {name for name, out in zip(names, gone[row].tolist(), strict=True) if not out}
            scores = state.parameters.scores()[choice]
            ranked = sorted(scores, key=lambda name: -scores[name])
            assert needed[choice] in kept
            assert kept <= {*ranked[:left], needed[choice]}
        state.parameters.mask &= ~gone


def test_what_a_stage_drops_is_never_computed_again_and_every_stage_starts_anew(tmp_path: Path) -> None:
    strategy = Watching()
    result = run(strategy, tmp_path)
    seen = cast(Any, strategy).seen
    assert [stage for stage, *_ in seen] == [(n, 3) for n in range(3) for _ in range(len(seen) // 3)]
    masks = [seen[len(seen) // 3 * n][1] for n in range(3)]
    assert [mask.sum(1).tolist() for mask in masks] == [[3, 4, 3], [2, 3, 2], [2, 2, 2]]
    for stage, mask, counted, _ in seen:
        assert torch.equal(mask, masks[stage[0]])
        for row, numbers in enumerate(counted):
            assert [number > 0 for number in numbers] == mask[row, :len(numbers)].tolist()
    firsts = [seen[len(seen) // 3 * n][2] for n in range(3)]
    assert all(max(numbers) == 1 for counted in firsts for numbers in counted)
    for n in range(3):
        even = seen[len(seen) // 3 * n][3]  # the weights learn alone at first
        assert all(len({round(score, 5) for score in row.values()}) == 1 for row in even.values())
    assert len(result.history) == 6
    assert {choice: list(row) for choice, row in result.scores.items()} == {
        choice: list(names) for choice, names in stack_space().choices.items()}


def test_the_network_that_would_be_decoded_stays_however_unlikely() -> None:
    """The cheapest of each is the least likely, and at this budget the only one that can be."""
    least = 1.0 + sum(min(costs) for costs in COSTS.values())
    state = state_of(stack_space(), [table()], [least])
    state.parameters.values.data.copy_(table().tensor(stack_space().choices))
    gone = least_likely(state, torch.tensor([1, 2, 1]))
    assert (~gone).sum(1).tolist() == [1, 2, 1]
    state.parameters.mask &= ~gone
    found = decode(state.parameters.scores(), [Constraint(table(), least)])
    assert found == {"one": "o0", "two": "o2", "three": "o2"}


def test_budgets_that_the_rest_cannot_hold_bring_dropped_candidates_back(tmp_path: Path) -> None:
    result = run(PDarts(), tmp_path, limit=14.0)
    least = 1.0 + sum(min(costs) for costs in COSTS.values())
    found = decode(result.scores, [Constraint(table(), least)])
    assert found is not None
    assert table().predict(found) == least


class Interrupting(Silent):
    def __init__(self, after: int) -> None:
        self.left = after

    def advance(self, note: str = "") -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def test_a_search_goes_on_exactly_wherever_it_was_interrupted(tmp_path: Path) -> None:
    whole = run(PDarts(), tmp_path / "whole")
    for after in (1, 2, 3, 6):  # within a stage, and at the end of one
        folder = tmp_path / str(after)
        with pytest.raises(KeyboardInterrupt):
            run(PDarts(), folder, progress=Interrupting(after))
        torch.manual_seed(99)
        again = run(PDarts(), folder)
        assert again.scores == whole.scores
        assert [row.loss for row in again.history] == [row.loss for row in whole.history]
        assert all(torch.equal(value, whole.supernet.state_dict()[name])
                   for name, value in again.supernet.state_dict().items())


@pytest.mark.parametrize("space", ["cell", "nasbench201"])
def test_supernets_get_deeper_towards_the_networks_that_are_built(space: str) -> None:
    small = {"channels": "2", "cells": "3"} | ({"nodes": "1"} if space == "cell" else {})
    grown = load_space(space, (3, 8, 8), 4, small, {"cells": "9", "channels": "8"})
    staged = [PDarts().staged(grown, stage, 3) for stage in range(3)]
    assert [s.options["cells"] for s in staged] == [3, 5, 7]
    assert all(s.options["channels"] == 2 for s in staged)
    assert staged[2].choices == grown.choices
    with torch.device("meta"):
        depths = [len(choices_of(s.supernet())) for s in staged]
    assert depths[0] < depths[1] < depths[2]
    same = load_space(space, (3, 8, 8), 4, small)
    assert PDarts().staged(same, 2, 3) is same


def test_the_last_stage_s_supernet_is_the_result(tmp_path: Path) -> None:
    space = load_space("nasbench201", (3, 8, 8), 4, TINY, {"cells": "4"})
    model = exact_model(space, "macs")
    limit = sum(model.reachable) / 2
    result = search(space, colours(24), PDarts(), {"macs": model}, [Budget("macs", limit)], fabric=fabric(), seed=0,
                    settings=SearchSettings(epochs=3, batch_size=8), checkpoint=tmp_path / "c.pt")
    assert len(choices_of(result.supernet)) == 3 * 3 * 6  # three stages of three cells of six edges
    found = decode(result.scores, [Constraint(model, limit)])
    assert found is not None
    space.check(found)


def test_dropout_falls_within_each_stage_and_is_higher_in_later_ones() -> None:
    strategy = PDarts(dropout=0.6, warmup=0.4)
    assert [strategy.rate((0, 3), progress) for progress in (0.0, 0.5, 1.0)] == [0.0, 0.0, 0.0]
    assert [strategy.rate((n, 3), 0.0) for n in range(3)] == pytest.approx([0.0, 0.3, 0.6])
    assert strategy.rate((2, 3), 0.2) == pytest.approx(0.48)
    assert strategy.rate((2, 3), 0.4) == pytest.approx(0.6)
    assert strategy.rate((2, 3), 1.0) == pytest.approx(0.6 * math.exp(-3))
    assert strategy.rate((0, 1), 0.5) == 0.0


def test_dropout_is_on_skips_alone_unbiased_and_only_in_training() -> None:
    network = nn.Sequential(Choice({"skip": nn.Identity(), "conv": nn.Conv2d(3, 3, 1)}))
    choice, x = cast(Choice, network[0]), torch.ones(200, 3, 8, 8)
    choice.route = Route((0,))
    with dropped_skips(network, 0.25):
        found = network(x)
        choice.route = Route((1,))
        assert torch.equal(network(x), choice.candidates["conv"](x))
        choice.route = Route((0,))
        assert torch.equal(network.eval()(x), x)
    assert float((found == 0).float().mean()) == pytest.approx(0.25, abs=0.02)
    assert float(found.mean()) == pytest.approx(1.0, abs=0.02)
    assert torch.equal(network.train()(x), x)


@pytest.mark.parametrize("limit", [0, 1, 2, 6])
def test_a_cell_keeps_so_many_skips_the_likeliest_and_a_chain_all(limit: int) -> None:
    space = load_space("nasbench201", (3, 8, 8), 4, TINY)
    state, column = state_of(space, [], []), space.choices["0>1"].index("skip_connect")
    state.parameters.values.data[:, column] = torch.tensor([5.0, 4.0, 9.0, 6.0, 8.0, 7.0])
    free = state.derived(PDarts(skips=6).scores(state))
    assert [*free.values()].count("skip_connect") == 6
    found = state.derived(PDarts(skips=limit).scores(state))
    assert [row for row, (_, picked) in enumerate(found.items()) if picked == "skip_connect"] == sorted(
        [2, 4, 5, 3, 0, 1][:limit])
    chain = state_of(load_space("mobile", (3, 8, 8), 4, {"width": "0.25", "depth": "3"}), [], [])
    assert not beyond_the_limit(chain, 0).any()


def test_a_skip_without_an_alternative_stays() -> None:
    space = load_space("nasbench201", (3, 8, 8), 4, TINY)
    state, column = state_of(space, [], []), space.choices["0>1"].index("skip_connect")
    state.parameters.mask[:, [c for c in range(5) if c != column]] = False
    assert not beyond_the_limit(state, 0).any()
    assert all(math.isfinite(score) for row in PDarts(skips=0).scores(state).values() for score in row.values())


def test_a_depth_at_which_choices_differ_is_refused() -> None:
    """Two cells have no reduction cell, which three have."""
    space = load_space("cell", (3, 8, 8), 4, {"cells": "2", "channels": "2"}, {"cells": "6"})
    with pytest.raises(UsageError, match="differ in the choice"):
        PDarts().staged(space, 0, 3).choices  # noqa: B018


