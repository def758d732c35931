"""Successive halving: of random architectures within the budgets the one that learns fastest; no supernet is trained.

Random search with early stopping, the baseline that architecture search is to be held against (Li and Talwalkar, UAI
2019, arXiv:1902.07638). How many are trained is `search.trials`.

Where we differ: the authors' ASHA halves by validation accuracies and asynchronously, on many workers; here rounds are
halved by training losses (select/learning_speed.py), as all strategies' best candidates are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgenas.search.strategies.random import Random


@dataclass(frozen=True)
class Halving(Random):
    summary: ClassVar[str] = "random architectures within the budgets, trained a little and halved; trains no supernet"
    paper: ClassVar[str] = "Li and Talwalkar, UAI 2019, arXiv:1902.07638"
    tries: ClassVar[bool] = True
    ranks: ClassVar[bool] = False
    spread: ClassVar[float] = 0.01  # next to none; yet the first, which is decoded without noise, is a random one too


STRATEGY = Halving
