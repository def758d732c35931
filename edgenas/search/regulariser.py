"""What keeps a search from collapsing onto skips while its supernet trains: they act on the forward passes inside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional

from edgenas.space.choice import choices_of


def skips_of(network: nn.Module) -> list[nn.Module]:
    """The candidates that pass their input on unchanged."""
    return [candidate for choice in choices_of(network).values() for candidate in choice.candidates.values()
            if isinstance(candidate, nn.Identity)]


@contextmanager
def auxiliary_skip(network: nn.Module, share: float) -> Iterator[None]:
    """Every choice adds `share` times its input to its output (DARTS-, arXiv:2009.01027).

    A choice that changes the shape of its input gets none: no candidate of it can be a skip.
    """
    def add(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        return output + share * inputs[0] if output.shape == inputs[0].shape else output

    hooks = [choice.register_forward_hook(add) for choice in choices_of(network).values()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def noisy_skips(network: nn.Module, share: float) -> Iterator[None]:
    """Every skip adds unbiased Gaussian noise to its output, of `share` times the output's standard deviation
    (NoisyDARTS, arXiv:2005.03566)."""
    def add(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        return output + share * output.detach().std() * torch.randn_like(output)

    hooks = [skip.register_forward_hook(add) for skip in skips_of(network)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def dropped_skips(network: nn.Module, rate: float) -> Iterator[None]:
    """In training mode, features that skips pass on are dropped at this rate, the others scaled up (P-DARTS,
    arXiv:1904.12760, section 3.3)."""
    def drop(skip: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        return functional.dropout(output, rate, skip.training)

    hooks = [skip.register_forward_hook(drop) for skip in skips_of(network)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
