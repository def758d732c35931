"""Reading published measurements, and what the benchmarks on them have in common."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from edgenas.cost.accuracy import Accuracy
from edgenas.errors import DataError, EdgenasError, unknown

Floats = NDArray[np.float64]

WIDTH = 120


def table(path: Path, columns: Sequence[str]) -> dict[str, list[str]]:
    """The named columns of a CSV file with a header.

    Raises: UsageError for a missing file or column, or one without rows.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}",
                        "give the path of a CSV file") from error
    if not rows:
        raise DataError(f"{path} holds no rows", "give a CSV file with a header and rows")
    for column in columns:
        if column not in rows[0]:
            raise unknown(f"column of {path}", column, [name for name in rows[0] if name])
    short = next((number for number, row in enumerate(rows, start=2) if None in [row[c] for c in columns]), None)
    if short:
        raise DataError(f"{path}, line {short}: columns are missing", "is the file complete?")
    return {column: [row[column] for row in rows] for column in columns}


def numbers(path: Path, column: str, texts: Sequence[str]) -> Floats:
    """Raises: DataError for what is no number."""
    try:
        return np.array([float(text) for text in texts])
    except ValueError as error:
        raise DataError(f"{path}, column {column}: {error}", "is this the column of a measurement?") from error


def mean(results: Sequence[Accuracy]) -> dict[str, float | None]:
    """Each figure's mean over draws."""
    rows = [asdict(result) for result in results]
    return {key: None if rows[0][key] is None else float(np.mean([row[key] for row in rows])) for key in rows[0]}


def console() -> Console:
    """Wide enough for a table where there is no terminal that would say how wide it is."""
    return Console(width=None if sys.stdout.isatty() else WIDTH)


def percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def guarded(main: Callable[..., Any]) -> None:
    """Run a click command; a user's mistake is one sentence and exit code 2."""
    try:
        main(standalone_mode=False)
    except EdgenasError as error:
        print(f"error: {error.message}" + (f"\n  try: {error.hint}" if error.hint else ""), file=sys.stderr)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(130)
