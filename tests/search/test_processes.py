"""Several processes, one slice of every batch each, learn one and the same thing (Fabric's DDP, gloo on the CPU)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import json, sys
from pathlib import Path
import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy
from edgenas.cost.budget import parse, resolve
from edgenas.cost.exact import exact_model
from edgenas.data import load
from edgenas.search.search import search
from edgenas.search.settings import SearchSettings
from edgenas.search.strategy import load_strategy
from edgenas.space import load_space

torch.set_num_threads(1)
strategy, folder = sys.argv[1], Path(sys.argv[2])
task = load("digits", max_images=200)
space = load_space("mobile", task.input_shape, 10, {"width": "0.5", "depth": "1"})
models = {"macs": exact_model(space, "macs")}
budgets = resolve([parse("macs=60%")], models)

def job(fabric):
    rank = fabric.global_rank
    result = search(space, task, load_strategy(strategy), models, budgets, seed=0, fabric=fabric,
                    settings=SearchSettings(epochs=1, batch_size=32), checkpoint=folder / f"{rank}.pt")
    weights = sum(float(p.detach().double().abs().sum()) for p in result.supernet.parameters())
    (folder / f"{rank}.json").write_text(json.dumps({"scores": result.scores, "weights": weights,
                                                     "loss": result.history[-1].loss}))

Fabric(accelerator="cpu", devices=2, strategy=DDPStrategy(start_method="fork", find_unused_parameters=True)).launch(job)
"""


@pytest.mark.parametrize("strategy", ["snas", "proxyless", "darts", "amended"])
def test_two_processes_agree_on_weights_and_architecture_from_different_data(strategy: str, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", SCRIPT, strategy, str(tmp_path)], check=True, timeout=120,
                   capture_output=True)
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1))
    assert first["scores"] == second["scores"]
    assert first["weights"] == second["weights"]
    assert first["loss"] != second["loss"], "each process must have its own part of the batch"
