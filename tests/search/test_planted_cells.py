"""A cell whose best edges and operators are known by construction: two of three edges carry what the class hangs on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from edgenas.cost.budget import Budget
from edgenas.cost.exact import exact_model
from edgenas.search.decode import Constraint, decode
from edgenas.search.search import search
from edgenas.search.settings import SearchSettings
from edgenas.search.strategy import load_strategy
from edgenas.space import Space
from edgenas.space.dag import Dag, Edge, Graph
from edgenas.space.operators import Zero

from .test_planted import BEST, LIMIT, MODEL, SPACE, Noise
from .toy import colours, fabric

GRAPH = Graph("cell", ("0", "1", "2"), tuple(Edge(str(i), "sum", f"{i}>sum") for i in range(3)), ("sum",), keep=2)
PLANTED = ("keep", "keep", "none")


def operators(edge: Edge) -> Mapping[str, nn.Module]:
    return {"none": Zero(), "noise": Noise(), "keep": nn.Identity()}


class Colours(nn.Module):
    """One node, which may sum two of the three channels, each in its place."""

    alone: Tensor

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.register_buffer("alone", torch.eye(3)[:, :, None, None])
        self.cell = Dag(GRAPH, operators)
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 16), nn.ReLU(),
                                  nn.Linear(16, classes))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.cell(*(x * alone for alone in self.alone)))
        return out


CELL = Space("colours", lambda shape, classes: Colours(classes), (3, 8, 8), 4)
SETTINGS = SearchSettings(epochs=10, batch_size=24, lr=0.1)


@pytest.mark.parametrize("name", ["dots", "ftso", "softsort"])
def test_the_planted_edges_and_operators_are_found_in_eight_of_ten_seeds(tmp_path: Path, name: str) -> None:
    task, found, model = colours(360), [], exact_model(CELL, "macs")
    for seed in range(10):
        result = search(CELL, task, load_strategy(name), {}, [], fabric=fabric(), settings=SETTINGS, seed=seed,
                        checkpoint=tmp_path / f"{seed}.pt")
        architecture = decode(result.scores, [Constraint(model, float("inf"))])
        assert architecture is not None
        CELL.check(architecture)
        found.append(tuple(architecture.values()))
    assert found.count(PLANTED) >= 8, found


@pytest.mark.parametrize("name", ["dots", "ftso"])
def test_without_a_cell_the_planted_operators_are_found_in_eight_of_ten_seeds(tmp_path: Path, name: str) -> None:
    task, found = colours(360), []
    for seed in range(10):
        result = search(SPACE, task, load_strategy(name), {"macs": MODEL}, [Budget("macs", LIMIT)], fabric=fabric(),
                        settings=SETTINGS, seed=seed, checkpoint=tmp_path / f"{seed}.pt")
        architecture = decode(result.scores, [Constraint(MODEL, LIMIT)])
        assert architecture is not None
        found.append(tuple(architecture.values()))
    assert found.count(BEST) >= 8, found
