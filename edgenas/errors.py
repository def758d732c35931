"""Every error that edgenas raises on purpose.

    EdgenasError                 exit code
    ├── UsageError               2    a value, file or option that cannot be used
    │   ├── DataError            2    the user's data
    │   ├── ProfileError         2    a profile: missing, truncated, stale, of another machine
    │   ├── RunError             2    a run folder: of another run, incomplete, of another space
    │   │   └── CheckpointError  2    a checkpoint or weights file: damaged, or of another network
    │   ├── FileError            2    a file that cannot be read: no regular file, too large, too deep, damaged
    │   ├── MissingExtra         2    an optional package that is not installed
    │   ├── UserCodeError        2    code that the user named cannot be imported, or raised
    │   └── TrustError           2    a file names code to import, and nobody vouched for the file
    ├── StorageError             2    a file that cannot be written: a full disk, a folder without rights
    ├── Diverged                 2    a training whose loss is not a number
    ├── BudgetError              3    a budget that cannot be reached or was missed
    ├── DeviceError              4    a device, transport or runtime failed
    │   ├── LinkLost             4    the connection to a device broke: what is left can be tried again
    │   └── ExportError          4    an artifact could not be made, or does not compute what PyTorch computes
    ├── Fault                    70   an error in edgenas itself, or in a library, that nobody foresaw
    └── Interrupted              130  stopped by the user; the run can be resumed

An error is told from others by its class; the exit code is only what the process ends with. Catch the class that is
meant: a full disk (StorageError) is no wrong value (UsageError), a training that diverged is neither.

The message gives the value and the rule it broke; the hint is the next thing to type. Both may quote what a stranger
wrote, so both are made printable and are cut.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from edgenas.text import QUOTED, printable, quoted

LONGEST = 2000
"""Characters of a message or a hint."""
LONG_WORD = re.compile(rf"\S{{{QUOTED + 1},}}")
"""What a message cuts: a value that somebody typed or a file holds. A path's end is what tells it from others."""
ENDING = 60
"""Characters of its end that are kept."""


class EdgenasError(Exception):
    """Base class: `kind` names the error in JSON output, `exit_code` is the process's exit status."""

    kind = "error"
    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        self.message = printable(LONG_WORD.sub(_shortened, message), LONGEST)
        self.hint = printable(hint, LONGEST)
        super().__init__(self.message)


class UsageError(EdgenasError):
    kind = "usage"
    exit_code = 2


class DataError(UsageError):
    kind = "data"


class DataWarning(UserWarning):
    """Something that a user should know of data that can be used; also one of the task's `notes`."""


class ProfileError(UsageError):
    kind = "profile"


class RunError(UsageError):
    kind = "run"


class CheckpointError(RunError):
    kind = "checkpoint"


class FileError(UsageError):
    kind = "file"


class MissingExtra(UsageError):
    kind = "extra"


class UserCodeError(UsageError):
    kind = "user-code"


class TrustError(UsageError):
    kind = "trust"


class StorageError(EdgenasError):
    kind = "storage"
    exit_code = 2


class Diverged(EdgenasError):
    kind = "diverged"
    exit_code = 2


class BudgetError(EdgenasError):
    kind = "budget"
    exit_code = 3


class DeviceError(EdgenasError):
    kind = "device"
    exit_code = 4


class LinkLost(DeviceError):
    """The connection broke; nothing is known to be wrong with what ran."""


class ExportError(DeviceError):
    kind = "export"


class Fault(EdgenasError):
    kind = "fault"
    exit_code = 70


class Interrupted(EdgenasError):
    kind = "interrupted"
    exit_code = 130


def _shortened(word: re.Match[str]) -> str:
    return f"{word[0][:QUOTED - ENDING - 1]}…{word[0][-ENDING:]}"


def unknown(what: str, value: str, known: Iterable[str]) -> UsageError:
    """The error for a name that is none of `known`, naming the nearest one."""
    names = sorted(known)
    near = difflib.get_close_matches(value, names, n=1)
    guess = f"did you mean {near[0]!r}? " if near else ""
    return UsageError(f"{quoted(value)} is no known {what}", f"{guess}known: {', '.join(names) or 'none'}")


def missing_extra(package: str, extra: str) -> MissingExtra:
    """The error for an optional package that is not installed."""
    return MissingExtra(f"this needs the package {package!r}, which is not installed",
                        f'pip install "edgenas[{extra}]"')
