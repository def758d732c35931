"""A network to begin with, whose weights are drawn by a coin: `--from coin`."""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from edgenas.flow.starters import Preprocessing, Starter


class Coin(Starter):
    summary: ClassVar[str] = "a few convolutions that nobody trained"
    packages: ClassVar[dict[str, str]] = {"edgenas-coin": "edgenas_coin"}
    install: ClassVar[str] = "pip install ./examples/plugin"
    licence: ClassVar[str] = "Apache-2.0"
    source: ClassVar[str] = "https://example.org/coin"
    example: ClassVar[str] = "coin"

    def build(self, name: str, image_size: int) -> nn.Module:
        return nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 16, 3, 1, 1), nn.ReLU(),
                             nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 2))

    def preprocessing(self, name: str) -> Preprocessing:
        return Preprocessing((0.5,) * 3, (0.5,) * 3, 32)


STARTER = Coin
