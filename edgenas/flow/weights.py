"""A network's weights from a file of the user's: safetensors, or a state dict of torch.save, whose code is not run."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from edgenas.errors import UsageError
from edgenas.text import one_line

NESTED = ("state_dict", "model_state_dict", "model")  # names under which training scripts keep the state dict
PICKLED = b"\x80\x02"  # how such a file begins: a pickle of protocol 2
WRAPPED = "module."  # what DataParallel puts before every name
HINT = "safetensors.torch.save_model(network, 'weights.safetensors') writes one"


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by name.

    A file of torch.save is read with weights_only=True, which makes tensors and plain containers and nothing else.

    Raises: UsageError saying what it is instead.
    """
    try:
        return load_file(path)
    except FileNotFoundError:
        raise UsageError(f"there is no file {path}", "--weights FILE.safetensors") from None
    except (OSError, SafetensorError) as error:
        if path.is_file() and (zipfile.is_zipfile(path) or _is_legacy(path)):
            return _of_torch(path)
        raise UsageError(f"--weights {path} is no safetensors file: {_line(error)}; nor is it one that torch.save "
                         "writes", HINT) from error


def _is_legacy(path: Path) -> bool:
    """Whether torch.save of the time before its zip files may have written it."""
    with path.open("rb") as stream:
        return stream.read(2) == PICKLED


def _of_torch(path: Path) -> dict[str, Tensor]:
    try:
        found: Any = torch.load(path, weights_only=True, map_location="cpu")
    except (OSError, RuntimeError, pickle.UnpicklingError, ValueError, KeyError, EOFError) as error:
        raise UsageError(f"--weights {path} holds more than tensors, or is damaged: {_line(error)}; what else it holds "
                         "is not read, as loading it can run code", HINT) from error
    for name in NESTED:
        if isinstance(found, Mapping) and isinstance(found.get(name), Mapping):
            found = found[name]
    if not isinstance(found, Mapping) or not found or not all(
            isinstance(key, str) and isinstance(value, Tensor) for key, value in found.items()):
        raise UsageError(f"--weights {path} holds a {type(found).__name__}, and not a state dict of tensors by name",
                         "torch.save(network.state_dict(), 'weights.pt') writes one")
    whole = all(key.startswith(WRAPPED) for key in found)
    return {key.removeprefix(WRAPPED) if whole else key: value for key, value in found.items()}


def _line(error: BaseException) -> str:
    return one_line(next(iter(str(error).strip().splitlines()), type(error).__name__), 200)
