"""Two deep chains in which plain DARTS takes skips, in one of them little else, and what the remedies do about it."""

from __future__ import annotations

from collections import OrderedDict
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import pytest
import torch
from torch import nn

from edgenas.data import Split, Task
from edgenas.progress import Silent
from edgenas.search.search import search
from edgenas.search.settings import SearchSettings
from edgenas.search.strategy import load_strategy
from edgenas.space import Choice, Space

from .toy import CLASSES, Untouchable, fabric

SEEDS = 3


def stripes(count: int = 480) -> Task:
    """8×8 images of stripes whose direction is the class, at any phase: no linear network tells them apart."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 4, (count,), generator=generator)
    phase = torch.randint(0, 4, (count,), generator=generator)
    y, x = torch.meshgrid(torch.arange(8), torch.arange(8), indexing="ij")
    waves = torch.stack([y, x, x + y, x - y])[labels] + phase[:, None, None]
    bright = torch.where(waves // 2 % 2 == 0, 1.0, -1.0)[:, None]
    noise = 30 * torch.randn(count, 3, 8, 8, generator=generator)
    images = (127 + 40 * bright + noise).clamp(0, 255).to(torch.uint8)
    parts = [Split(images[i:j], labels[i:j]) for i, j in ((0, count * 2 // 3), (count * 2 // 3, count))]
    return Task("stripes", "made", CLASSES, parts[0], parts[1], cast(Split, Untouchable()), (0.5,) * 3, (0.2,) * 3,
                0, (), "0" * 64)


def weak(width: int) -> nn.Module:
    """Computes little at the start: nothing normalises it."""
    layer = nn.Conv2d(width, width, 3, padding=1, bias=False)
    nn.init.normal_(layer.weight, std=0.05)
    return nn.Sequential(nn.ReLU(), layer)


def normalised(width: int, kernel: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(width, width, kernel, padding=kernel // 2, bias=False), nn.BatchNorm2d(width),
                         nn.ReLU())


def chain(shape: tuple[int, int, int], classes: int, *, weakly: bool, twice: bool = False) -> nn.Module:
    """twice: the choices of the first half are again those of the second."""
    depth, width = (8, 6) if weakly else (6, 8)
    layers: OrderedDict[str, nn.Module] = OrderedDict(stem=nn.Conv2d(shape[0], width, 3, padding=1))
    for place in range(depth):
        layers[f"place{place}"] = Choice(
            {"skip": nn.Identity(), "conv3": weak(width)} if weakly else
            {"skip": nn.Identity(), "conv1": normalised(width, 1), "conv3": normalised(width, 3)},
            f"choice{place % (depth // 2)}" if twice else None)
    return nn.Sequential(layers | {"pool": nn.AdaptiveAvgPool2d(1), "flat": nn.Flatten(),
                                   "head": nn.Linear(width, classes)})


class Heard(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


@cache
def searched(name: str, *, weakly: bool, twice: bool = False, **options: str) -> tuple[float, list[str]]:
    """Mean share of skips at the end over the seeds, and what was said."""
    space = Space("chain", chain, (3, 8, 8), 4, {"weakly": weakly, "twice": twice})
    strategy = load_strategy(name, options)
    settings = SearchSettings(epochs=12, lr=0.2, batch_size=24) if weakly else SearchSettings(epochs=8, lr=0.1,
                                                                                              batch_size=24)
    shares, heard = [], Heard()
    for seed in range(SEEDS):
        with TemporaryDirectory() as folder:
            result = search(space, stripes(), strategy, {}, [], settings=settings, seed=seed, fabric=fabric(),
                            checkpoint=Path(folder) / "c.pt", progress=heard)
        shares.append(result.history[-1].parameter_free)
    return sum(shares) / SEEDS, heard.said


def test_plain_darts_collapses_to_skips_where_all_else_starts_weak_and_the_user_is_told() -> None:
    share, said = searched("darts", weakly=True)
    assert share > 0.8
    assert len(said) == SEEDS
    assert all("the search collapsed" in text and "darts_minus" in text for text in said)


def test_an_auxiliary_skip_prevents_that_collapse() -> None:
    share, said = searched("darts_minus", weakly=True)
    assert share < 0.4
    assert not any("collapsed" in text for text in said)


def test_groups_of_their_own_weaken_it() -> None:
    assert searched("dots", weakly=True)[0] < 0.7


@pytest.mark.parametrize(("noise", "most"), [("1", 0.8), ("3", 0.6)])
def test_noise_on_the_skips_weakens_it_when_it_is_strong(noise: str, most: float) -> None:
    """At the paper's 0.2 nothing changes there: 64 pixels average such noise out."""
    assert searched("noisy_darts", weakly=True, noise=noise)[0] < most


def test_noise_takes_fewer_skips_where_batch_norm_makes_all_equally_strong() -> None:
    """With the paper's default. An auxiliary skip takes more here, once it has faded: nothing collapses without it."""
    plain = searched("darts", weakly=False, architecture_travel="12")[0]
    assert searched("noisy_darts", weakly=False, architecture_travel="12")[0] < 0.8 * plain


def test_transit_places_take_fewer_skips_where_choices_have_two_places() -> None:
    plain = searched("darts", weakly=True, twice=True)[0]
    assert plain > 0.8
    assert searched("entrannas", weakly=True, twice=True)[0] < 0.8 * plain


def test_partial_channels_take_fewer_skips_of_which_they_need_none() -> None:
    """What passes by is a skip already."""
    assert searched("pc_darts", weakly=True)[0] < 0.7
