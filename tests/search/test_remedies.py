"""A deep chain in which plain DARTS collapses, and what the remedies do about it."""

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
from edgenas.search.search import SearchSettings, search
from edgenas.search.strategy import load_strategy
from edgenas.space import Choice, Space

from .toy import CLASSES, Untouchable, fabric

DEPTH, WIDTH, SEEDS = 8, 6, 3


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


def convolution() -> nn.Module:
    """Weak at the start, as one of few parameters in a deep network without normalisation is."""
    layer = nn.Conv2d(WIDTH, WIDTH, 3, padding=1, bias=False)
    nn.init.normal_(layer.weight, std=0.05)
    return nn.Sequential(nn.ReLU(), layer)


def chain(shape: tuple[int, int, int], classes: int) -> nn.Module:
    places = {f"place{i}": Choice({"skip": nn.Identity(), "conv": convolution()}) for i in range(DEPTH)}
    return nn.Sequential(OrderedDict(stem=nn.Conv2d(shape[0], WIDTH, 3, padding=1), **places,
                                     pool=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten(), head=nn.Linear(WIDTH, classes)))


SPACE = Space("chain", chain, (3, 8, 8), 4)


class Heard(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


@cache
def searched(name: str, **options: str) -> tuple[float, float, list[str]]:
    """Mean share of skips at the end, mean training accuracy, and what was said, over the seeds."""
    rows, heard = [], Heard()
    for seed in range(SEEDS):
        with TemporaryDirectory() as folder:
            result = search(SPACE, stripes(), load_strategy(name, options), {}, [], fabric=fabric(), progress=heard,
                            settings=SearchSettings(epochs=12, batch_size=24, lr=0.2), seed=seed,
                            checkpoint=Path(folder) / "c.pt")
        rows.append(result.history[-1])
    return sum(r["parameter_free"] for r in rows) / SEEDS, sum(r["accuracy"] for r in rows) / SEEDS, heard.said


def test_plain_darts_collapses_to_skips_and_is_told() -> None:
    share, _, said = searched("darts")
    assert share > 0.8
    assert len(said) == SEEDS
    assert all("the search collapsed" in text and "darts_minus" in text for text in said)


def test_an_auxiliary_skip_prevents_it_and_the_supernet_learns() -> None:
    share, accuracy, said = searched("darts_minus")
    assert share < 0.4
    assert accuracy > searched("darts")[1]
    assert not any("collapsed" in text for text in said)


@pytest.mark.parametrize(("noise", "most"), [("1", 0.8), ("3", 0.6)])
def test_noise_on_the_skips_lowers_their_share_the_more_the_stronger_it_is(noise: str, most: float) -> None:
    """At the paper's 0.2 nothing changes here: 64 pixels average such noise out."""
    assert searched("noisy_darts", noise=noise)[0] < most
