"""Whether a network gives the same twice: what draws random numbers or changes itself is no function of its input."""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from edgenas.errors import ExportError

HINT = ("call .eval() and leave it so, give functional dropout training=self.training, and draw no random numbers in "
        "the forward pass")
TOLERANCE = 1e-4  # of a value's largest element
WHOLE = "its own forward pass"
Forward = Callable[[], Any]
Made = list[tuple[str, Tensor]]
"""What layers gave in a pass, in order, with their names."""


def check_repeatable(module: nn.Module, example: Tensor, name: str) -> Any:
    """What `module`, in the mode that it is in, gives for `example` (1, ...).

    Raises: ExportError naming the function and the layer that draw random numbers, or the first layer that gives
    something else in a second pass.
    """
    def forward() -> Any:
        return module(example)

    output, before = forward(), _generators()
    repeated = forward()
    equal = same(output, repeated)
    if _generators() != before:
        raise ExportError(f"{name}: two passes over the same input {'may ' * equal}differ: the network draws random "
                          f"numbers, in {_drawer(module, forward)}", HINT)
    if not equal:
        raise ExportError(f"{name}: two passes over the same input differ, first in "
                          f"{_first_difference(_heard(module, example), _heard(module, example))}", HINT)
    return output


def mixing_layer(module: nn.Module, inputs: Tensor) -> str:
    """The first layer of `module` that gives something else for several `inputs` (n, ...) than for each of them."""
    apart = [_heard(module, one) for one in torch.split(inputs, 1)]
    together = _heard(module, inputs)
    joined = [(made[0][0], torch.cat([value for _, value in made])) for made in zip(*apart, strict=False)
              if all(value.ndim and len(value) == 1 for _, value in made)]
    whole = [(name, value) for name, value in together if value.ndim and len(value) == len(inputs)]
    return _first_difference(joined, whole)


def _first_difference(made: Made, again: Made) -> str:
    """The first layer, inner ones before those that hold them, that does not give the same."""
    return next((one for (one, value), (other, found) in zip(made, again, strict=False)
                 if one != other or not same(value, found)), WHOLE)


def _generators() -> bytes:
    """The states of the generators of random numbers of PyTorch, NumPy and Python."""
    return torch.get_rng_state().numpy().tobytes() + pickle.dumps((np.random.get_state(), random.getstate()))


class _Calls(TorchFunctionMode):
    """Notes the first of PyTorch's functions, as the network's code calls them, that draws, and the layer it is in."""

    def __init__(self, inside: Sequence[str]) -> None:
        super().__init__()
        self.found: str | None = None
        self._inside = inside

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        before = torch.get_rng_state()
        result = func(*args, **(kwargs or {}))
        if self.found is None and not torch.equal(before, torch.get_rng_state()):
            self.found = f"{getattr(func, '__name__', func)} of {self._inside[-1]}"
        return result


def _drawer(module: nn.Module, forward: Forward) -> str:
    """`dropout of layer head.2 (Dropout)`; where no function of PyTorch draws, the innermost layer that does."""
    inside, layers = [WHOLE], list[str]()
    states: list[bytes] = []

    def entered(name: str) -> None:
        inside.append(name)
        states.append(_generators())

    def left(name: str) -> None:
        inside.pop()
        if states.pop() != _generators():
            layers.append(name)

    with _watching(module, entered, left), _Calls(inside) as calls:
        forward()
    return calls.found or next(iter(layers), WHOLE)


@contextmanager
def _watching(module: nn.Module, entered: Callable[[str], None], left: Callable[[str], None]) -> Iterator[None]:
    """Within, both are called with the name of each layer that is computed."""
    with ExitStack() as stack:
        for path, part in module.named_modules():
            name = _layer(path, part)
            stack.callback(part.register_forward_pre_hook(lambda *_, name=name: entered(name)).remove)
            stack.callback(part.register_forward_hook(lambda *_, name=name: left(name)).remove)
        yield


def _heard(module: nn.Module, inputs: Tensor) -> Made:
    """What every layer gives, in the order in which they end."""
    made: Made = []
    with ExitStack() as stack:
        for path, part in module.named_modules():
            def hear(_: nn.Module, __: Any, value: Any, name: str = _layer(path, part)) -> None:
                made.extend((name, tensor.clone()) for tensor in _tensors(value))
            stack.callback(part.register_forward_hook(hear).remove)
        module(inputs)
    return made


def _layer(path: str, part: nn.Module) -> str:
    return f"layer {path} ({type(part).__name__})" if path else WHOLE


def same(one: Any, other: Any) -> bool:
    """Whether two values, of which some may hold others, are the same tensors, but for how float32 adds up."""
    pairs = list(zip(_tensors(one), _tensors(other), strict=False))
    return all(a.shape == b.shape and a.dtype == b.dtype and _near(a, b) for a, b in pairs)


def _near(one: Tensor, other: Tensor) -> bool:
    if not one.is_floating_point():
        return torch.equal(one, other)
    sizes = one.abs()[one.isfinite()]
    largest = float(sizes.max()) if sizes.numel() else 0.0
    return torch.allclose(one, other, rtol=0, atol=TOLERANCE * largest, equal_nan=True)


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value.detach()]
    if isinstance(value, dict):
        value = tuple(value.values())
    return [tensor for part in value for tensor in _tensors(part)] if isinstance(value, (tuple, list)) else []
