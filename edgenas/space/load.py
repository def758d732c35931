"""Find a space by name, or a user's own by `module:function` or `file.py:function`."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

from torch import nn

from edgenas import plugins
from edgenas.errors import UserCodeError
from edgenas.imports import import_function, users_code
from edgenas.options import typed
from edgenas.space.space import Space, same_size

FAMILY = "edgenas.space.spaces"
HINT = "a function (input_shape, classes, *, options…) that returns the network with its choices"


def space_names() -> list[str]:
    return plugins.names(FAMILY)


def load_space(name: str, input_shape: tuple[int, int, int], classes: int, options: Mapping[str, str] | None = None,
               grown: Mapping[str, str] | None = None) -> Space:
    """The space `name` for images of `input_shape`; options are texts, checked against its keyword parameters.

    grown: those that are others in the networks that are built (Space.grown).

    Raises: UsageError for an unknown space or option, or a value of the wrong type; UserCodeError for a function of
    the user's that fails, now or when it is called.
    """
    define = definition(name)
    chosen, built = sizes(name, define, options or {}, grown or {})
    return Space(name, define, input_shape, classes, chosen, built)


def grows(name: str, options: Mapping[str, str], grown: Mapping[str, str]) -> bool:
    """Whether `grown` makes the networks that are built others than the supernet, so that its weights do not fit; see
    Space.inherits. Errors as of `load_space`; nothing is imported where nothing is grown."""
    return bool(grown) and not same_size(*sizes(name, definition(name), options, grown))


def definition(name: str) -> Callable[..., nn.Module]:
    """The function that defines the space; a user's own is guarded, so that what it raises is an error of its own."""
    if ":" not in name:
        return plugins.instance(FAMILY, name, "space", "network", FunctionType)
    own = import_function(name, "--space")

    @functools.wraps(own)
    def network(*arguments: Any, **options: Any) -> nn.Module:
        with users_code(f"--space {name}", HINT):
            made = own(*arguments, **options)
        if not isinstance(made, nn.Module):
            raise UserCodeError(f"--space {name} returned a {type(made).__name__}, not a torch.nn.Module", HINT)
        return made

    return network


def sizes(name: str, define: Callable[..., nn.Module], options: Mapping[str, str],
          grown: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options of the supernet, all of them, and those of `grown` as the networks that are built have them."""
    with users_code(f"--space {name}", HINT) if ":" in name else contextlib.nullcontext():
        chosen = typed(define, options, f"space {name!r}")
        built = typed(define, {**options, **grown}, f"space {name!r}")
    return chosen, {key: built[key] for key in grown}


def summary(name: str) -> str:
    """The first line of a space's docstring."""
    return (plugins.load(FAMILY, name, "space").__doc__ or "").strip().splitlines()[0]
