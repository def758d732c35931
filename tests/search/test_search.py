from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from edgenas.cost.budget import Budget
from edgenas.cost.exact import exact_model
from edgenas.data import Split, Task, load
from edgenas.errors import RunError
from edgenas.progress import Silent
from edgenas.search.decode import Constraint, decode
from edgenas.search.history import SearchEpoch
from edgenas.search.search import SearchResult, hold_out, search
from edgenas.search.settings import SearchSettings
from edgenas.search.state import SearchState
from edgenas.search.strategies.random import Random
from edgenas.search.strategies.snas import Snas
from edgenas.search.strategy import Strategy, general_names, load_strategy
from edgenas.space import Space, load_space, space_names
from edgenas.space.elastic import space_of
from edgenas.space.traced.apart import take_apart
from edgenas.train.checkpoint import epoch_generator

from .toy import colours, fabric, sealed, stack_space, table

EPOCHS = 3


class Interrupting(Silent):
    """Ctrl-C after some epochs."""

    def __init__(self, after: int) -> None:
        self.left, self.started = after, (0, 0)

    def start(self, label: str, total: int, done: int = 0) -> None:
        self.started = (total, done)

    def advance(self, note: str = "") -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def digits() -> Task:
    """Real ones. Their test part cannot be looked at."""
    return sealed(load("digits", max_images=150))


@pytest.fixture(scope="module")
def mobile() -> Space:
    return load_space("mobile", (1, 8, 8), 10, {"width": "0.25", "depth": "1"})


def run(space: Space, task: Task, strategy: Strategy, folder: Path, *, seed: int = 0, epochs: int = EPOCHS,
        batch_size: int = 32, progress: Silent | None = None) -> SearchResult:
    model = exact_model(space, "macs")
    low, high = model.reachable
    return search(space, task, strategy, {"macs": model}, [Budget("macs", (low + high) / 2)],
                  settings=SearchSettings(epochs=epochs, batch_size=batch_size), seed=seed,
                  checkpoint=folder / "checkpoint.pt", fabric=fabric(), progress=progress)


def same_weights(one: nn.Module, other: nn.Module) -> bool:
    a, b = one.state_dict(), other.state_dict()
    return list(a) == list(b) and all(torch.equal(a[key], b[key]) for key in a)


def figures(history: Sequence[SearchEpoch]) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.to_json().items() if key != "seconds"} for row in history]


def test_a_finished_search_gives_its_result_again_without_training(
        mobile: Space, digits: Task, tmp_path: Path) -> None:
    first = run(mobile, digits, Snas(), tmp_path, epochs=1)
    untouched = Interrupting(1)
    again = run(mobile, digits, Snas(), tmp_path, epochs=1, progress=untouched)
    assert untouched.started == (1, 1)
    assert again.scores == first.scores
    assert same_weights(again.supernet, first.supernet)
    assert again.history == first.history


def noisy(shape: tuple[int, int, int], classes: int) -> nn.Module:
    return nn.Sequential(stack_space().supernet(), nn.Dropout(0.5))


def test_a_space_with_dropout_resumes_to_the_same_result_as_well(tmp_path: Path) -> None:
    space, models = Space("noisy", noisy, (3, 8, 8), 4), {"macs": table()}
    models["macs"] = type(models["macs"])("macs", "sum", 1.0, {f"0.{c}": t for c, t in models["macs"].table.items()})

    def go(folder: Path, progress: Silent | None = None) -> SearchResult:
        return search(space, colours(), Snas(), models, [Budget("macs", 6.0)], seed=0, fabric=fabric(),
                      settings=SearchSettings(epochs=2, batch_size=32), checkpoint=folder / "c.pt", progress=progress)

    whole = go(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        go(tmp_path / "parts", Interrupting(1))
    assert same_weights(go(tmp_path / "parts").supernet, whole.supernet)


SMALL = {"cell": {"channels": "4", "cells": "3", "nodes": "3"}, "nasbench201": {"channels": "4", "cells": "2"}}


@cache
def default(name: str) -> Space:
    """With its own options, cells aside, which repeat."""
    return load_space(name, (3, 8, 8), 4, SMALL.get(name))


ELASTIC = "elastic"


@cache
def elastic() -> Space:
    """A network of a user's own, whose sizes share their weights."""
    network = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), Residual(16), Residual(16),
                            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 4)).eval()
    return space_of(take_apart(network, torch.randn(2, 3, 8, 8), "net.py:build"), ELASTIC, (3, 8, 8), 4)


class Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(nn.Conv2d(channels, 32, 1), nn.BatchNorm2d(32), nn.ReLU(),
                                    nn.Conv2d(32, channels, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.branch(x)


@pytest.mark.parametrize("space_name", [*space_names(), ELASTIC])
@pytest.mark.parametrize("name", general_names())
def test_every_strategy_searches_every_space(tmp_path: Path, name: str, space_name: str) -> None:
    """The contract: scores for all candidates, from which an architecture within the budget is decoded."""
    space, strategy = elastic() if space_name == ELASTIC else default(space_name), load_strategy(name)
    result = run(space, colours(16), strategy, tmp_path, epochs=1)
    assert {choice: tuple(names) for choice, names in result.scores.items()} == space.choices
    values = torch.tensor([score for names in result.scores.values() for score in names.values()])
    assert values.isfinite().all()
    assert (values <= 0).all()
    assert not result.supernet.training
    assert all(p.device.type == "cpu" and p.requires_grad for p in result.supernet.parameters())
    assert len(result.history) == (1 if strategy.trains_supernet else 0)
    model = exact_model(space, "macs")
    limit = sum(model.reachable) / 2
    found = decode(result.scores, [Constraint(model, limit)])
    assert found is not None
    assert model.predict(found) <= limit
    space.check(found)


def test_each_epoch_leaves_its_figures(tmp_path: Path) -> None:
    result = search(stack_space(), colours(), Snas(), {"macs": table()}, [Budget("macs", 3.0)],
                    settings=SearchSettings(epochs=2, batch_size=32), seed=0, checkpoint=tmp_path / "c.pt",
                    fabric=fabric())
    assert len(result.history) == 2
    for row in result.history:
        assert set(row.to_json()) == {"loss", "accuracy", "entropy", "parameter_free", "budgets", "seconds"}
        assert set(row.budgets["macs"].to_json()) == {"expected", "target", "multiplier"}
        assert row.budgets["macs"].target == 3.0
        assert 0 < row.entropy <= 1
        assert row.seconds > 0
    model, last = table(), result.history[-1].budgets["macs"]
    assert last.multiplier > 0
    expected = model.fixed
    for choice, scores in result.scores.items():
        costs = torch.tensor([model.table[choice][name] for name in scores])
        tilted = torch.tensor([*scores.values()]) - last.multiplier / last.target * costs
        expected += float((torch.softmax(tilted, 0) * costs).sum())
    assert last.expected == pytest.approx(expected, rel=1e-4)


def test_entropy_falls_and_the_budget_holds_over_a_snas_search(tmp_path: Path) -> None:
    result = search(stack_space(), colours(), Snas(), {"macs": table()}, [Budget("macs", 3.0)],
                    settings=SearchSettings(epochs=12, batch_size=32), seed=0, checkpoint=tmp_path / "c.pt",
                    fabric=fabric())
    entropies = [row.entropy for row in result.history]
    assert entropies[-1] < 0.8 * entropies[0]
    assert all(row.budgets["macs"].expected < 1.05 * 3.0 for row in result.history)
    assert max(row.budgets["macs"].multiplier for row in result.history) > 0
    assert result.history[-1].accuracy > result.history[0].accuracy


class Looking(Random):
    """Notes what it is given."""

    trains_supernet = True

    def __init__(self, share: float) -> None:
        super().__init__(architecture_share=share)
        object.__setattr__(self, "seen", [])

    def step(self, state: SearchState, batch: Any, held: Any, progress: float) -> dict[str, float]:
        self.seen.append((batch, held, progress, state.weight_optimizer.param_groups[0]["lr"]))  # type: ignore[attr-defined]
        return {"loss": 0.0, "accuracy": 0.0}


@pytest.mark.parametrize("share", [0.0, 0.25])
def test_a_step_is_given_batches_of_both_parts_and_the_progress(tmp_path: Path, share: float) -> None:
    looking, task = Looking(share), colours(240)
    search(stack_space(), task, looking, {}, [], settings=SearchSettings(epochs=2, batch_size=16, lr=0.1), seed=0,
           checkpoint=tmp_path / "c.pt", fabric=fabric())
    seen = looking.seen  # type: ignore[attr-defined]
    steps = int(160 * (1 - share)) // 16
    assert len(seen) == 2 * steps
    assert [s[2] for s in seen] == pytest.approx([i / (2 * steps) for i in range(2 * steps)])
    assert seen[0][3] == pytest.approx(0.1)
    assert seen[steps][3] == pytest.approx(0.05)
    for (images, labels), held, _, _ in seen:
        assert images.shape == (16, 3, 8, 8)
        assert images.dtype == torch.float32
        assert len(labels) == 16
        assert (held is None) == (share == 0)
        assert held is None or held[0].shape == (16, 3, 8, 8)


def test_memory_budgets_leave_no_score_for_what_is_too_large(tmp_path: Path) -> None:
    models = {"peak_memory_kib": table("peak_memory_kib", combine="max")}
    result = search(stack_space(), colours(), Snas(), models, [Budget("peak_memory_kib", 2.0)],
                    settings=SearchSettings(epochs=1), seed=0, checkpoint=tmp_path / "c.pt", fabric=fabric())
    assert {c: sorted(names) for c, names in result.scores.items()} == {
        "one": ["o0", "o1"], "two": ["o1", "o2"], "three": ["o0", "o2"]}


def test_a_checkpoint_of_another_space_is_refused(mobile: Space, digits: Task, tmp_path: Path) -> None:
    run(mobile, digits, Snas(), tmp_path, epochs=1)
    wider = load_space("mobile", (1, 8, 8), 10, {"width": "0.5", "depth": "1"})
    with pytest.raises(RunError, match="does not fit"):
        run(wider, digits, Snas(), tmp_path, epochs=1)


def numbered(count: int) -> Split:
    return Split(torch.arange(count).view(-1, 1, 1, 1), torch.arange(count))


@pytest.mark.parametrize(("share", "count"), [(0.0, 0), (0.25, 10), (0.5, 20)])
def test_hold_out_divides_without_loss_by_the_seed(share: float, count: int) -> None:
    kept, held = hold_out(numbered(40), share, seed=3)
    assert len(held) == count
    assert sorted(kept.labels.tolist() + held.labels.tolist()) == list(range(40))
    assert torch.equal(kept.images.flatten(), kept.labels)
    assert torch.equal(held.images.flatten(), held.labels)
    again = hold_out(numbered(40), share, seed=3)
    assert torch.equal(again[0].labels, kept.labels)
    if count:
        assert held.labels.tolist() != list(range(count))
        assert hold_out(numbered(40), share, seed=4)[1].labels.tolist() != held.labels.tolist()


def test_the_scores_of_random_search_are_random_and_of_no_learning(mobile: Space, digits: Task,
                                                                   tmp_path: Path) -> None:
    result = run(mobile, digits, Random(), tmp_path)
    assert result.history == []
    assert not (tmp_path / "checkpoint.pt").exists()
    fresh = torch.manual_seed(epoch_generator(0, 0, "weights").initial_seed())
    assert fresh is not None
    assert same_weights(result.supernet, mobile.supernet())
    for names in result.scores.values():
        assert len(set(names.values())) == len(names)
        assert sum(torch.tensor(list(names.values())).exp().tolist()) == pytest.approx(1.0, abs=1e-5)
