"""What is warned of in the data, as notes on stderr: each once, one line."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Iterator
from typing import TextIO

from edgenas.errors import DataWarning
from edgenas.text import one_line


@contextlib.contextmanager
def notes() -> Iterator[None]:
    """A run reads its data more than once; what is the same is said once. Other warnings are shown as ever."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", DataWarning)
        others, said = warnings.showwarning, set[str]()

        def show(message: Warning | str, category: type[Warning], filename: str, lineno: int,
                 file: TextIO | None = None, line: str | None = None) -> None:
            if not issubclass(category, DataWarning):
                others(message, category, filename, lineno, file, line)
            elif str(message) not in said:
                said.add(str(message))
                print(f"note: {one_line(str(message), 1000)}", file=sys.stderr, flush=True)

        warnings.showwarning = show
        yield
