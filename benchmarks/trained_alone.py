"""Test accuracy of networks that are trained by themselves, as a run trains what it found."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from edgenas.files import write_json
from edgenas.flow.work import Work
from edgenas.space import Architecture
from edgenas.train.fabric import accuracy, new_fabric
from edgenas.train.loop import train


def tested(work: Work, architecture: dict[str, str], path: Path, seed: int) -> float:
    """Of a network of the run's space. seed: of its weights and the order of images. path: where the result is kept,
    with a checkpoint beside it, from which an interrupted training goes on."""
    if not path.exists():
        torch.manual_seed(seed)
        network = work.space.build(Architecture(architecture))
        train(network, work.task, settings=work.run.config.train, seed=seed, checkpoint=path.with_suffix(".pt"),
              fabric=new_fabric("cpu"))
        write_json(path, {"architecture": architecture,
                          "test": accuracy(network, work.task.test, work.task, new_fabric("cpu"))})
    found: float = json.loads(path.read_text(encoding="utf-8"))["test"]
    return found
