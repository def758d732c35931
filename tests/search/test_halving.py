from __future__ import annotations

from pathlib import Path

from edgenas.search.decode import Constraint, Scores, decode
from edgenas.search.search import search
from edgenas.search.settings import SearchSettings
from edgenas.search.strategy import load_strategy

from .toy import colours, fabric, stack_space, table


def scores(folder: Path, seed: int) -> Scores:
    return search(stack_space(), colours(16), load_strategy("halving"), {}, [], settings=SearchSettings(epochs=1),
                  seed=seed, fabric=fabric(), checkpoint=folder / f"{seed}.pt").scores


def test_the_first_architecture_is_a_random_one_too_though_scores_are_all_but_even(tmp_path: Path) -> None:
    found = [scores(tmp_path, seed) for seed in range(12)]
    assert all(max(row.values()) - min(row.values()) < 0.1 for each in found for row in each.values())
    assert len({decode(each, [Constraint(table("macs"), 1e9)]) for each in found}) >= 6
