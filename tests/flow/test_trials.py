from __future__ import annotations

import math
from functools import partial
from pathlib import Path

import pytest
from torch import nn

from edgenas.errors import CheckpointError, Diverged
from edgenas.flow.run import Run
from edgenas.flow.selection import trials_of
from edgenas.flow.work import Work
from edgenas.progress import Silent
from edgenas.selection.trials import fastest

from .flows import Finished, copied, edgenas


@pytest.fixture
def run(counted: Finished, tmp_path: Path) -> Run:
    return Run.open(copied(counted, tmp_path / "run"))


def test_a_damaged_checkpoint_is_no_infinite_loss(run: Run) -> None:
    trials = trials_of(Work(run), run.folder / "trials", Silent())
    trials.folder.mkdir()
    (trials.folder / "a.pt").write_bytes(b"garbage")
    with pytest.raises(CheckpointError, match=r"a\.pt does not fit"):
        trials.loss_of(partial(nn.Linear, 1, 1), "a", 1)


@pytest.mark.parametrize("found", [{1: math.inf, 2: math.inf}, {1: math.inf, 2: 0.5}])
def test_where_all_diverged_none_is_the_fastest(run: Run, found: dict[int, float]) -> None:
    if math.isfinite(found[2]):
        assert fastest([1, 2], run.config.search, run.config.train, lambda *_: found) == 2
    else:
        with pytest.raises(Diverged, match="all 2 networks diverged"):
            fastest([1, 2], run.config.search, run.config.train, lambda *_: found)


def test_best_weights_of_another_network_are_a_checkpoint_of_another_network(run: Run) -> None:
    """The best epoch's weights stand in the checkpoint beside those of the last."""
    import torch

    path = run.folder / "train" / "checkpoint.pt"
    (run.folder / "weights.safetensors").unlink()
    saved = torch.load(path, weights_only=True)
    saved["parts"]["best"]["weights"] = {"a": torch.zeros(1)}
    torch.save(saved, path)
    edgenas("train", run.folder).refused(2, f"the best weights in {path} are of another network", "anew")
    assert not (run.folder / "weights.safetensors").exists()
