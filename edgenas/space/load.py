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


def load_space(name: str, input_shape: tuple[int, int, int], classes: int, options: Mapping[str, str] | None = None,
               grown: Mapping[str, str] | None = None) -> Space:
    """The space `name` for images of `input_shape`; options are texts, checked against its keyword parameters.

    grown: those that are others in the networks that are built (Space.grown).

    Raises: UsageError for an unknown space or option, or a value of the wrong type.
    """
    define = import_function(name, "--space") if ":" in name else plugins.load(FAMILY, name, "space").network
    chosen = typed(define, options or {}, f"space {name!r}")
    built = typed(define, {**(options or {}), **(grown or {})}, f"space {name!r}")
    return Space(name, define, input_shape, classes, chosen, {key: built[key] for key in grown or {}})


def summary(name: str) -> str:
    """The first line of a space's docstring."""
    return (plugins.load(FAMILY, name, "space").__doc__ or "").strip().splitlines()[0]
