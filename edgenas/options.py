"""Options given as text (`--set temperature.start=5`), checked against what takes them."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from edgenas.errors import UsageError, unknown
from edgenas.text import QUOTED, one_line, quoted

T = TypeVar("T")
FINITE = ConfigDict(allow_inf_nan=False)
LARGEST = 1e9
"""Of any number that has no bound of its own."""


def parse(assignments: tuple[str, ...]) -> dict[str, str]:
    """`("a.b=1", …)` -> `{"a.b": "1", …}`.

    Raises: UsageError for a text without `=` or a name given twice.
    """
    found: dict[str, str] = {}
    for text in assignments:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"option {quoted(text)} is not of the form NAME=VALUE", "write e.g. --set space.width=0.5")
        if name in found:
            raise UsageError(f"option {quoted(name)} is given twice")
        found[name] = value
    return found


def typed(function: Callable[..., Any], options: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """The keyword parameters of `function`: its defaults, replaced by `options` converted to the annotated types.

    Raises: UsageError for an option that `function` does not take, or a value that its annotation refuses.
    """
    hints = get_type_hints(function, include_extras=True)
    parameters = {name: p.default for name, p in inspect.signature(function).parameters.items()
                  if p.kind is p.KEYWORD_ONLY}
    for name in options:
        if name not in parameters:
            raise unknown(f"option of {owner}", name, parameters)
    return {name: _convert(owner, name, hints.get(name, Any), options.get(name, default))
            for name, default in parameters.items()}


def settings(cls: type[T], options: Mapping[str, Any], owner: str) -> T:
    """An instance of the dataclass `cls`; dotted names reach into dataclasses inside it.

    Raises: UsageError for an unknown name or a refused value.
    """
    hints = _leaves(cls)
    for name in options:
        if name not in hints:
            raise unknown(f"option of {owner}", name, hints)
    return _with(cls(), {name: _convert(owner, name, hints[name], value) for name, value in options.items()})


def option_names(cls: Any) -> list[str]:
    """The dotted names of all fields of a dataclass and of the dataclasses inside it."""
    return list(_leaves(cls))


def _leaves(cls: Any) -> dict[str, Any]:
    """Dotted name -> type."""
    hints = get_type_hints(cls, include_extras=True)
    leaves: dict[str, Any] = {}
    for f in dataclasses.fields(cls):
        if dataclasses.is_dataclass(hints[f.name]):
            leaves |= {f"{f.name}.{name}": hint for name, hint in _leaves(hints[f.name]).items()}
        else:
            leaves[f.name] = hints[f.name]
    return leaves


def _with(base: T, values: Mapping[str, Any]) -> T:
    """`base` with the fields of these dotted names replaced; all others stay as `base` has them."""
    changes: dict[str, Any] = {}
    for name, value in values.items():
        head, _, rest = name.partition(".")
        changes[head] = _with(changes.get(head, getattr(base, head)), {rest: value}) if rest else value
    return dataclasses.replace(base, **changes)  # type: ignore[type-var]


def _convert(owner: str, name: str, hint: Any, value: Any) -> Any:
    try:
        found = TypeAdapter(hint, config=FINITE).validate_python(value)
        if isinstance(found, int | float) and abs(found) > LARGEST:
            raise ValueError(f"a number should be at most {LARGEST:g}")
    except ValueError as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        given = one_line(str(value), QUOTED)
        raise UsageError(f"option {name}={given} of {owner} is refused: {one_line(reason, QUOTED)}",
                         f"give {name} another value") from error
    return found
