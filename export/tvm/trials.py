"""Schedules that were tried, kept on disk: one file a processor and number of threads, one trial a line.

A kernel is known by its structural hash, so that equal blocks of any network share their trials. What is kept is a
hint: nothing is taken for a file that was not measured again for that file.
"""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

from pydantic import BaseModel, ConfigDict, PositiveFloat, ValidationError

from edgenas.errors import FileError, UsageError
from edgenas.export.tvm.variant import Variant
from edgenas.files import JSON_LIMIT, append_line, read_bounded, write_text

HINT = "delete it, or give another --tune-database"


class Trial(BaseModel):
    """One schedule of a kernel, and the rule's in turns with it, in microseconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kernel: str
    variant: Variant
    us: PositiveFloat
    rule_us: PositiveFloat

    @property
    def ratio(self) -> float:
        return self.us / self.rule_us


class Trials:
    """The trials in a file, by kernel."""

    def __init__(self, path: Path) -> None:
        """Raises: UsageError for a file that holds something else. A last line that was cut off is dropped."""
        self._path = path
        self._known: dict[str, dict[Variant, Trial]] = defaultdict(dict)
        text = self._text()
        whole, _, cut = text.rpartition("\n")
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                self._keep(Trial.model_validate_json(line))
            except ValidationError as error:
                raise UsageError(f"line {number} of {path} is no trial: {error.errors()[0]['msg']}",
                                 "delete that line or the file, or give another --tune-database") from error
        if cut:
            write_text(path, f"{whole}\n" if whole else "")

    def of(self, kernel: str) -> dict[Variant, Trial]:
        return self._known[kernel]

    def add(self, trial: Trial) -> None:
        """Raises: UsageError when it cannot be written."""
        append_line(self._path, trial.model_dump_json())
        self._keep(trial)

    def _keep(self, trial: Trial) -> None:
        self._known[trial.kernel][trial.variant] = trial

    def _text(self) -> str:
        if not os.path.lexists(self._path):
            return ""
        try:
            return read_bounded(self._path, JSON_LIMIT).decode("utf-8")
        except FileError as error:
            raise UsageError(error.message, HINT) from error
        except UnicodeDecodeError as error:
            raise UsageError(f"cannot read {self._path}: {error}", HINT) from error
