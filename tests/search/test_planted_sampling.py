"""The planted optimum of test_planted.py for the strategies that sample paths or mixtures."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgenas.cost.budget import Budget
from edgenas.search.decode import Constraint, decode
from edgenas.search.search import search
from edgenas.search.settings import SearchSettings
from edgenas.search.strategy import load_strategy

from .test_planted import BEST, LIMIT, MODEL, SPACE
from .toy import colours, fabric


@pytest.mark.parametrize(("name", "options", "epochs"), [
    ("proxyless_r", {}, 5), ("softsort", {}, 5),
    ("gdas", {}, 10), ("gaea", {}, 10), ("drnas", {}, 10),  # these hold half of the data out: as many steps
    ("gaea", {"architecture_share": "0"}, 5),
])
def test_the_planted_optimum_is_found_in_eight_of_ten_seeds(tmp_path: Path, name: str, options: dict[str, str],
                                                            epochs: int) -> None:
    task, found = colours(360), []
    for seed in range(10):
        result = search(SPACE, task, load_strategy(name, options), {"macs": MODEL}, [Budget("macs", LIMIT)],
                        fabric=fabric(), settings=SearchSettings(epochs=epochs, batch_size=24, lr=0.1), seed=seed,
                        checkpoint=tmp_path / f"{seed}.pt")
        architecture = decode(result.scores, [Constraint(MODEL, LIMIT)])
        assert architecture is not None
        found.append(tuple(architecture.values()))
    assert found.count(BEST) >= 8, found
