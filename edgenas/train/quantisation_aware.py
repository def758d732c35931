"""Quantisation-aware training: a trained network fine-tuned with its values rounded as its int8 file rounds them.

The network that is trained (export/quantise/fake_quantised.py) begins with the ranges of post-training
quantisation and the folded weights, and also follows the outputs of the float32 network that it came from
(Mishra and Marr, arXiv:1711.05852, scheme C).
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import torch
from torch import nn

from edgenas.data.task import Task
from edgenas.progress import Progress
from edgenas.train.fabric import new_fabric
from edgenas.train.history import TrainEpoch
from edgenas.train.loop import train
from edgenas.train.settings import QatSettings, TrainSettings


def fine_tune(student: nn.Module, teacher: nn.Module, task: Task, settings: QatSettings, *, seed: int,
              checkpoint: Path, accelerator: str, progress: Progress) -> tuple[float, list[TrainEpoch]]:
    """Train in place, as train.train() does: goes on from `checkpoint`, ends with the best epoch's weights and ranges.

    Float32 whatever the run trains in: rounding to int8 is what must be exact.
    """
    chosen = TrainSettings(**asdict(settings), weight_decay=0.0, label_smoothing=0.0)
    return train(student, task, settings=chosen, seed=seed, checkpoint=checkpoint, fabric=new_fabric(accelerator),
                 teacher=teacher, label="train for int8", progress=progress, option="qat.lr",
                 optimizer_of=lambda network, lr, _: torch.optim.Adam(network.parameters(), lr))
