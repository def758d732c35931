"""A network's weights in a file of a run's folder: safetensors, whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from edgenas.errors import CheckpointError, EdgenasError, RunError
from edgenas.files import open_bounded, replacing
from edgenas.text import one_line
from edgenas.train.checkpoint import LIMIT, refuse_link


def save_weights(path: Path, network: nn.Module) -> None:
    weights = {key: value.detach().cpu().contiguous() for key, value in distinct_weights(network).items()}
    with replacing(path) as scratch:
        scratch.write_bytes(save(weights))


def read_tensors(path: Path, command: str) -> dict[str, Tensor]:
    """Raises: RunError, whose hint is `command`, when the file is missing; CheckpointError when it is damaged."""
    if not os.path.lexists(path):
        raise RunError(f"there is no {path.name} in {path.parent} yet", command)
    try:
        refuse_link(path)
        with open_bounded(path, LIMIT):  # a regular file: safetensors' reader waits for a pipe
            return load_file(path)
    except (OSError, ValueError, EdgenasError, SafetensorError) as error:
        raise CheckpointError(f"{path} is damaged: {one_line(str(error), 400)}",
                              f"delete it, then {command}") from error


def load_weights(path: Path, network: nn.Module, command: str) -> None:
    """Raises: RunError, whose hint is `command`, when they are missing; CheckpointError when they are damaged or of
    another network."""
    weights = read_tensors(path, command)
    shapes = {key: value.shape for key, value in distinct_weights(network).items()}
    if {key: value.shape for key, value in weights.items()} != shapes:
        raise CheckpointError(f"{path} holds the weights of another network", f"delete it, then {command}")
    network.load_state_dict(weights, strict=False)  # which reaches shared ones by one of their names


def distinct_weights(network: nn.Module) -> dict[str, Tensor]:
    """The weights of a network by name; those that modules share, as a block in two precisions does, once."""
    found: dict[Any, tuple[str, Tensor]] = {}
    for key, value in network.state_dict(keep_vars=True).items():
        found.setdefault(id(value), (key, value))
    return dict(found.values())
