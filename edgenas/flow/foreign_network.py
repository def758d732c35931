"""A PyTorch network of the user's own: built by a function of theirs, with weights of theirs."""

from __future__ import annotations

import copy
import hashlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from edgenas.data import Task
from edgenas.errors import EdgenasError, UsageError
from edgenas.export.base import Export
from edgenas.export.check.repeatability import check_repeatable, mixing_layer, same
from edgenas.export.ir.tracing import trace
from edgenas.flow.starters import starter_of
from edgenas.flow.weights import read_weights
from edgenas.imports import GIVEN, import_function, users_code
from edgenas.text import one_line, quoted

SHOWN = 3  # names of weights in a message
LONGEST = 80  # characters of such a name
SEVERAL = 4  # images that are given to the network at once, to see whether it mixes them
_given: dict[str, nn.Module] = {}


def give(network: nn.Module) -> str:
    """A name for a network that was made in Python, by which `build` has it for as long as the process lives."""
    name = f"{GIVEN}{type(network).__name__}-{fingerprint(network)[:12]}"
    _given[name] = network
    return name


def build(name: str, weights: Path | None, image_size: int | None = None) -> nn.Module:
    """The network that `MODULE:FUNCTION` or `FILE.py:FUNCTION` returns, that was given, or that a starter has, in eval
    mode; runs the user's own code.

    image_size: of the images, for starters that are made for one. weights: a file of its state dict (weights.py);
    without one, the network is taken as it is built.

    Raises: UsageError naming what is wrong with the function, the network or the weights.
    """
    function = _function(name, image_size)
    torch.manual_seed(0)  # weights that it draws are the same every time
    with users_code(name, "give a function that takes nothing and returns a network"):
        network = function()
    if not isinstance(network, nn.Module):
        raise UsageError(f"{name} returned a {type(network).__name__}, and not a torch.nn.Module",
                         "give a function that takes nothing and returns a network")
    _check_inputs(network, name)
    if weights:
        _load(network, weights, name)
    _check_finite(network, str(weights or name))
    return network.eval()


def _function(name: str, image_size: int | None) -> Callable[[], Any]:
    if name.startswith(GIVEN):
        return _giver(name)
    starter = starter_of(name)
    if starter is not None:
        return partial(starter.build, image_size)
    if ":" not in name:
        raise UsageError(f"--from {quoted(name)} is no known starter, and names no function",
                         "edgenas starters lists those that there are; of your own: --from net.py:build")
    return import_function(name, "--from")


def _giver(name: str) -> Callable[[], nn.Module]:
    if name not in _given:
        raise UsageError(f"the network {name} was given in Python, and is not in this process",
                         "edgenas.specialise(network, …, out=…) of the same network and folder")
    return lambda: copy.deepcopy(_given[name])


def check_fits(network: nn.Module, task: Task, name: str) -> None:
    """Whether the network classifies the task's images, each by itself.

    Raises: UsageError with the shapes, or naming the layer that mixes images; ExportError when two passes differ.
    """
    image = task.normalise(task.train.images[:1])
    shape = "x".join(map(str, task.input_shape))
    try:
        with torch.no_grad():
            made = check_repeatable(network, image, name)
    except EdgenasError:
        raise
    except Exception as error:  # the user's own code may raise anything
        raise UsageError(f"{name} fails on an image of {shape} (channels x height x width), as --data has them: "
                         f"{_line(error)}",
                         "give data that the network was made for, or --image-size with the side it takes") from error
    if not isinstance(made, Tensor) or made.dtype != torch.float32 or made.ndim != 2:
        found = f"{made.dtype} of shape {tuple(made.shape)}" if isinstance(made, Tensor) else type(made).__name__
        raise UsageError(f"{name} gives {found} for one image of {shape}",
                         "an exported network gives one float32 tensor (1, classes): wrap it")
    if made.shape[1] != len(task.classes):
        raise UsageError(f"{name} tells {made.shape[1]} classes apart, and the data has {len(task.classes)}",
                         "give data with the classes that it was trained on, or teach it these: edgenas run --from … "
                         "--new-head")
    _check_apart(network, task.normalise(task.train.images[:SEVERAL]), name)


def _check_apart(network: nn.Module, images: Tensor, name: str) -> None:
    """A file takes one image at a time; what it loses is judged by what the network gives for many.

    Raises: UsageError when the network gives something else for an image alone than among others; ExportError when
    that is so because a branch or a size in it depends on the input's values.
    """
    def together() -> Any:
        return network(images)

    def alone() -> Any:
        return torch.cat([network(image) for image in torch.split(images, 1)])

    with torch.no_grad():
        try:
            equal = same(together(), alone())
        except Exception as error:  # the user's own code may raise anything
            raise UsageError(f"{name} takes one image, and fails on {len(images)} at once: {_line(error)}",
                             "use x.shape[0] where it has a batch of 1") from error
        if not equal:
            trace([Export(network, images[:1], Path(name))])
            raise UsageError(f"{name} gives something else for an image alone than among others, first seen in "
                             f"what {mixing_layer(network, images)} gives",
                             "a batch normalisation must use its running statistics: .eval(), and no .train() within "
                             "the forward pass")


def normalised(task: Task, request: Mapping[str, Any]) -> Task:
    """The task with the mean and deviation that the request has, if it has some.

    Raises: UsageError for as many as are not its channels.
    """
    channels = task.input_shape[0]
    given = {name: request[name] for name in ("mean", "std") if request[name]}
    for name, values in given.items():
        if len(values) != channels:
            raise UsageError(f"--{name} has {len(values)} values, and the images have {channels} channels",
                             f"--{name} {','.join(['0.5'] * channels)}")
    return replace(task, **given)


def fingerprint(network: nn.Module) -> str:
    """SHA-256 of all its weights and buffers."""
    state = {key: value.detach().contiguous().clone() for key, value in network.state_dict().items()}
    return hashlib.sha256(save(state)).hexdigest()


def _check_inputs(network: nn.Module, name: str) -> None:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    wanted = [parameter.name for parameter in inspect.signature(network.forward).parameters.values()
              if parameter.kind in kinds and parameter.default is inspect.Parameter.empty]
    if len(wanted) > 1:
        raise UsageError(f"{name} takes {len(wanted)} inputs ({', '.join(wanted)}), and an exported network takes one",
                         "wrap it in a module whose forward takes the image alone")


def _load(network: nn.Module, path: Path, name: str) -> None:
    found = read_weights(path)
    _check_weights(network, found, path, name)
    network.load_state_dict(found, strict=False)


def _check_weights(network: nn.Module, found: dict[str, Tensor], path: Path, name: str) -> None:
    """Tied weights are stored once, and a batch norm's count of batches may be missing."""
    known = network.state_dict()
    stored = {known[key].data_ptr() for key in found if key in known}
    missing = [key for key, value in known.items() if key not in found and value.data_ptr() not in stored
               and not key.endswith("num_batches_tracked")]
    other = [key for key in found if key not in known]
    hint = f"give the weights of the network that {name} builds"
    if missing or other:
        parts = [f"it lacks {_some(missing)}"] * bool(missing) + [f"it has {_some(other)} too many"] * bool(other)
        raise UsageError(f"--weights {path} does not fit {name}: {' and '.join(parts)}", hint)
    for key, value in found.items():
        if value.shape != known[key].shape:
            raise UsageError(f"--weights {path} does not fit {name}: {one_line(key, LONGEST)} is "
                             f"{tuple(value.shape)}, and in the network "
                             f"{tuple(known[key].shape)}", hint)


def _check_finite(network: nn.Module, where: str) -> None:
    for key, value in network.state_dict().items():
        if value.is_floating_point() and not value.isfinite().all():
            raise UsageError(f"{where}: the weight {one_line(key, LONGEST)} holds values that are not finite",
                             "give weights of an earlier checkpoint")


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(one_line(name, LONGEST) for name in names[:SHOWN]) + more


def _line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
