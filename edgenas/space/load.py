"""Find a space by name, or a user's own by `module:function` or `file.py:function`."""

from __future__ import annotations

from collections.abc import Mapping

from edgenas import plugins
from edgenas.imports import import_function
from edgenas.options import typed
from edgenas.space.space import Space

FAMILY = "edgenas.space.spaces"


def space_names() -> list[str]:
    return plugins.names(FAMILY)


def load_space(name: str, input_shape: tuple[int, int, int], classes: int,
               options: Mapping[str, str] | None = None) -> Space:
    """The space `name` for images of `input_shape`; `options` are texts, checked against its keyword parameters.

    Raises: UsageError for an unknown space or option, or a value of the wrong type.
    """
    define = import_function(name, "--space") if ":" in name else plugins.load(FAMILY, name, "space").network
    return Space(name, define, input_shape, classes, typed(define, options or {}, f"space {name!r}"))


def summary(name: str) -> str:
    """The first line of a space's docstring."""
    return (plugins.load(FAMILY, name, "space").__doc__ or "").strip().splitlines()[0]
