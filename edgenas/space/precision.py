"""Precision as a part of the search: every block can be computed in float32 or in int8.

After Triple-Search (Fu et al., arXiv:2105.11084), which searches network, precision and accelerator together. Here a
candidate `mbconv_k3_e3` gets the twin `mbconv_k3_e3@int8`, of the same weights, so an architecture tells both; whether
int8 is faster for a block is not assumed but measured as its candidates are.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import nn

from edgenas.space.architecture import Architecture
from edgenas.space.choice import Choice, choices_of
from edgenas.space.int8 import Int8
from edgenas.space.operators import Zero
from edgenas.space.space import Space

MARK = "@int8"
Costs = Mapping[str, Mapping[str, float]]
"""Choice -> candidate -> what it costs."""


def in_precision(space: Space, precision: str) -> Space:
    """The space to search in for files of `precision`."""
    return mixed(space) if precision == "mixed" else space


def mixed(space: Space) -> Space:
    """`space` with an int8 twin of every candidate that computes something. A fixed part with weights becomes a choice
    of two: it is one candidate, called as its type."""

    @functools.wraps(space.define)
    def define(*arguments: Any, **options: Any) -> nn.Module:
        network = space.define(*arguments, **options)
        _fixed_as_choices(network)
        for choice in choices_of(network).values():
            for name, candidate in list(choice.candidates.items()):
                if not isinstance(candidate, nn.Identity | Zero | Int8):
                    choice.candidates[name + MARK] = Int8(candidate)
        return network

    return replace(space, define=define, assemble=None, sliced=None)


def is_int8(candidate: str) -> bool:
    return candidate.endswith(MARK)


def int8_choices(architecture: Mapping[str, str]) -> tuple[str, ...]:
    """The choices whose candidates are computed in int8."""
    return tuple(choice for choice, candidate in architecture.items() if is_int8(candidate))


def uniform(architecture: Mapping[str, str], choices: Mapping[str, Sequence[str]], *, int8: bool) -> Architecture:
    """The same network with all of it in one precision, as far as `choices` have it."""
    plain = {choice: candidate.removesuffix(MARK) for choice, candidate in architecture.items()}
    return Architecture({choice: candidate + MARK if int8 and candidate + MARK in choices[choice] else candidate
                         for choice, candidate in plain.items()})


def in_vain(choices: Mapping[str, Sequence[str]], costs: Sequence[Costs]) -> dict[str, tuple[str, ...]]:
    """The int8 candidates by choice that cost no less than their twins in float32, by any of `costs`: rounding for
    nothing."""
    found = {choice: tuple(name for name in names if is_int8(name) and all(
        cost[choice][name] >= cost[choice][name.removesuffix(MARK)] for cost in costs))
        for choice, names in choices.items()}
    return {choice: names for choice, names in found.items() if names}


def _fixed_as_choices(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, Choice):
            continue
        if choices_of(child):
            _fixed_as_choices(child)
        elif _is_weighted(child):
            kind = type(child).__name__.lower()
            setattr(module, name, _pair(kind, child))


def _pair(kind: str, block: nn.Module) -> Choice:
    return Choice({kind: block, kind + MARK: Int8(block)})


def _is_weighted(module: nn.Module) -> bool:
    """Whether it computes with weights, from one input."""
    inputs = [p for p in inspect.signature(module.forward).parameters.values() if p.default is p.empty]
    return len(inputs) == 1 and any(isinstance(part, nn.Conv2d | nn.Linear) for part in module.modules())
