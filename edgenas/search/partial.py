"""Partial channel connections: candidates that compute a part of a choice's channels, the rest passing them by."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from edgenas.space.choice import Choice, choices_of

_TRACED: WeakKeyDictionary[Choice, dict[int, int]] = WeakKeyDictionary()
"""Choice -> its number of channels by that of its input."""


@contextmanager
def partial_channels(network: nn.Module, share: int) -> Iterator[None]:
    """While it lasts, candidates compute 1/share of their choice's channels (PC-DARTS, arXiv:1907.05737, eq. 2).

    Convolutions and batch norms take the first channels of their weights and statistics. The other channels pass by,
    max-pooled where the candidates halve the image, and weighed by the sum of the path weights; then all are shuffled.
    Where `share` does not divide the channels, the largest smaller number that does is taken. A choice that changes the
    number of channels, or that has a candidate whose weights cannot be cut, is computed in full.
    """
    choices = [choice for choice in choices_of(network).values()
               if all(can_be_cut(module) for module in choice.candidates.modules())]
    for choice in choices:
        choice.forward = partial(split, choice, share)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for choice in choices:
            del choice.forward


def can_be_cut(module: nn.Module) -> bool:
    """Whether a module, those inside it aside, can compute a part of its channels by a part of its weights."""
    if isinstance(module, nn.Conv2d):
        return module.groups in (1, module.in_channels)
    return isinstance(module, nn.BatchNorm2d) or not module._parameters


def split(choice: Choice, share: int, x: Tensor) -> Tensor:
    """The forward pass of a choice by parts of its channels."""
    channels = x.shape[1]
    parts = next(k for k in range(min(share, channels), 0, -1) if channels % k == 0)
    if parts == 1 or outputs(choice, x) != channels:
        return Choice.forward(choice, x)
    first, rest = x[:, :channels // parts], x[:, channels // parts:]
    with cut_to(parts, choice.candidates):
        mixed = Choice.forward(choice, first)
    if mixed.shape[2:] != rest.shape[2:]:
        rest = functional.max_pool2d(rest, -(-rest.shape[-1] // mixed.shape[-1]), ceil_mode=True)
    if choice.route.weights is not None:
        rest = choice.route.weights.sum() * rest
    return shuffled(torch.cat([mixed, rest], 1), parts)


def shuffled(x: Tensor, parts: int) -> Tensor:
    """The channels of `parts` equal parts dealt out in turn, in channels_last."""
    return functional.channel_shuffle(x, parts).contiguous(memory_format=torch.channels_last)


def outputs(choice: Choice, x: Tensor) -> int:
    """The number of channels that a choice gives for `x`, traced without data."""
    known = _TRACED.setdefault(choice, {})
    if x.shape[1] not in known:
        candidate = next(iter(choice.candidates.values()))
        with torch.no_grad():
            tensors = {name: tensor.to("meta") for name, tensor in candidate.state_dict().items()}
            known[x.shape[1]] = functional_call(candidate, tensors, torch.empty(x.shape, device="meta")).shape[1]
    return known[x.shape[1]]


@contextmanager
def cut_to(parts: int, candidates: nn.Module) -> Iterator[None]:
    """While it lasts, convolutions and batch norms inside compute 1/parts of their channels."""
    layers = {module for module in candidates.modules() if isinstance(module, (nn.Conv2d, nn.BatchNorm2d))}
    for layer in layers:
        layer.forward = partial(cut, layer, parts)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward


def cut(layer: nn.Conv2d | nn.BatchNorm2d, parts: int, x: Tensor) -> Any:
    """The layer's output for the first channels of its input, which are all that `x` has."""
    view, channels = copy.copy(layer), x.shape[1]
    if isinstance(view, nn.Conv2d):
        depthwise, out = view.groups > 1, -(-view.out_channels // parts)
        inputs = slice(None) if depthwise else slice(channels)
        view.groups = channels if depthwise else 1
        view.__dict__["_parameters"] = {"weight": layer.weight[:out, inputs],
                                        "bias": None if layer.bias is None else layer.bias[:out]}
        return nn.Conv2d.forward(view, x)
    for kind in ("_parameters", "_buffers"):  # views: running statistics change in place
        view.__dict__[kind] = {name: tensor[:channels] if tensor is not None and tensor.ndim else tensor
                               for name, tensor in layer.__dict__[kind].items()}
    return nn.BatchNorm2d.forward(view, x)
