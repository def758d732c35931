"""Options given as text (`--set temperature.start=5`), checked against what takes them."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, get_type_hints

from pydantic import TypeAdapter, ValidationError

from edgenas.errors import UsageError, unknown

T = TypeVar("T")


def parse(assignments: tuple[str, ...]) -> dict[str, str]:
    """`("a.b=1", …)` -> `{"a.b": "1", …}`.

    Raises: UsageError for a text without `=` or a name given twice.
    """
    found: dict[str, str] = {}
    for text in assignments:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"option {text!r} is not of the form NAME=VALUE", "write e.g. --set space.width=0.5")
        if name in found:
            raise UsageError(f"option {name!r} is given twice")
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
    values: dict[str, Any] = {}
    nested: dict[str, dict[str, Any]] = {}
    hints = get_type_hints(cls, include_extras=True)
    fields = {f.name for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for name, value in options.items():
        head, _, rest = name.partition(".")
        if head not in fields or bool(rest) != dataclasses.is_dataclass(hints[head]):
            raise unknown(f"option of {owner}", name, option_names(cls))
        if rest:
            nested.setdefault(head, {})[rest] = value
        else:
            values[head] = _convert(owner, name, hints[head], value)
    for head, inner in nested.items():
        values[head] = settings(hints[head], inner, owner)
    return cls(**values)


def option_names(cls: Any) -> list[str]:
    """The dotted names of all fields of a dataclass and of the dataclasses inside it."""
    hints = get_type_hints(cls)
    names: list[str] = []
    for f in dataclasses.fields(cls):
        if dataclasses.is_dataclass(hints[f.name]):
            names += [f"{f.name}.{inner}" for inner in option_names(hints[f.name])]
        else:
            names.append(f.name)
    return names


def _convert(owner: str, name: str, hint: Any, value: Any) -> Any:
    try:
        return TypeAdapter(hint).validate_python(value)
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        raise UsageError(f"option {name}={value} of {owner} is refused: {reason}",
                         f"give {name} another value") from error
