"""A problem whose best architecture under the budget is known by construction."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from edgenas.cost.budget import Budget
from edgenas.cost.model import CostModel
from edgenas.search.decode import Constraint, decode
from edgenas.search.search import search
from edgenas.search.settings import SearchSettings
from edgenas.search.strategy import load_strategy
from edgenas.space import Choice, Space

from .toy import colours, fabric

COSTS = {"zero": 1.0, "noise": 3.0, "keep": 2.0}
LIMIT = 5.0
BEST = ("keep", "keep", "zero")


class Zero(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x)


class Noise(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * torch.randn_like(x)


class Channels(nn.Module):
    """One choice a channel, of so many copies of it. The class hangs on the first two; to keep all three costs more
    than the budget."""

    def __init__(self, classes: int, copies: int = 1) -> None:
        super().__init__()
        self.copies = copies
        self.choices = nn.ModuleList(Choice({"zero": Zero(), "noise": Noise(), "keep": nn.Identity()})
                                     for _ in range(3))
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3 * copies, 16), nn.ReLU(),
                                  nn.Linear(16, classes))

    def forward(self, x: Tensor) -> Tensor:
        kept = [choice(x[:, i:i + 1].repeat(1, self.copies, 1, 1)) for i, choice in enumerate(self.choices)]
        out: Tensor = self.head(torch.cat(kept, 1))
        return out


class Twice(nn.Module):
    """Every choice at two places, one beside the other."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.places = nn.ModuleList(
            Choice({"zero": Zero(), "noise": Noise(), "keep": nn.Identity()}, f"choices.{place % 3}")
            for place in range(6))
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 16), nn.ReLU(),
                                  nn.Linear(16, classes))

    def forward(self, x: Tensor) -> Tensor:
        kept = [choice(x[:, place % 3:place % 3 + 1]) for place, choice in enumerate(self.places)]
        out: Tensor = self.head(torch.cat(kept, 1))
        return out


SPACE = Space("channels", lambda shape, classes: Channels(classes), (3, 8, 8), 4)
COPIED = Space("channels", lambda shape, classes: Channels(classes, 4), (3, 8, 8), 4)
TWICE = Space("twice", lambda shape, classes: Twice(classes), (3, 8, 8), 4)
MODEL = CostModel("macs", "sum", 0.0, {f"choices.{i}": COSTS for i in range(3)})


@pytest.mark.parametrize(("name", "options", "epochs"), [
    ("snas", {}, 5), ("gold_nas", {}, 5), ("proxyless", {}, 5),
    ("darts", {}, 10), ("darts", {"order": "2"}, 10), ("darts_minus", {}, 10), ("noisy_darts", {}, 10),
    ("amended", {}, 10), ("entrannas", {}, 10), ("pc_darts", {}, 10), ("p_darts", {}, 10),
    # those after proxyless hold half of the data out: as many steps
])
def test_the_planted_optimum_is_found_in_eight_of_ten_seeds(tmp_path: Path, name: str, options: dict[str, str],
                                                            epochs: int) -> None:
    task, strategy, found = colours(360), load_strategy(name, options), []
    space = {"pc_darts": COPIED, "entrannas": TWICE}.get(name, SPACE)
    for seed in range(10):
        result = search(space, task, strategy, {"macs": MODEL}, [Budget("macs", LIMIT)], fabric=fabric(),
                        settings=SearchSettings(epochs=epochs, batch_size=24, lr=0.1), seed=seed,
                        checkpoint=tmp_path / f"{seed}.pt")
        architecture = decode(result.scores, [Constraint(MODEL, LIMIT)])
        assert architecture is not None
        found.append(tuple(architecture.values()))
    assert found.count(BEST) >= 8, found
