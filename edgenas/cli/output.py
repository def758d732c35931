"""What a command prints on stdout: one JSON document, or tables for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from edgenas.text import printable

if TYPE_CHECKING:
    from edgenas.record import Record

F = TypeVar("F", bound=Callable[..., Any])


def json_option(function: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")(function)


def emit(as_json: bool, document: Record | Mapping[str, object], show: Callable[[], None]) -> None:
    """Print `document` as JSON, or call `show`."""
    if as_json:
        from edgenas.record import Record

        value = document.to_json() if isinstance(document, Record) else document
        click.echo(json.dumps(value, indent=1, allow_nan=False))
    else:
        show()


def say(text: str, err: bool = False) -> None:
    """Print a line for people on stdout, or on stderr. What a stranger wrote may be in it: it is made printable."""
    click.echo(printable(text), err=err)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    drawn = Table(title=escape(printable(title)), title_justify="left")
    for i, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[i], int | float) for row in rows)
        drawn.add_column(escape(printable(column)), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(f"{cell:.4g}" if isinstance(cell, float) else escape(printable(str(cell))) for cell in row))
    # A pipe has no width: a table there is as wide as it needs to be, so that no figure is folded.
    Console(width=None if sys.stdout.isatty() else 200).print(drawn)
