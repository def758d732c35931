"""Every error that edgenas raises on purpose.

    EdgenasError                 exit code
    ├── UsageError               2    a value, file or option that cannot be used
    │   ├── DataError            2    the user's data
    │   ├── ProfileError         2    a profile: missing, truncated, stale, of another machine
    │   └── RunError             2    a run folder: of another run, incomplete, of another space
    ├── BudgetError              3    a budget that cannot be reached or was missed
    ├── DeviceError              4    a device, transport or runtime failed
    │   ├── LinkLost             4    the connection to a device broke: what is left can be tried again
    │   └── ExportError          4    an artifact could not be made, or does not compute what PyTorch computes
    └── Interrupted              130  stopped by the user; the run can be resumed

The message gives the value and the rule it broke; the hint is the next thing to type.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class EdgenasError(Exception):
    """Base class: `kind` names the error in JSON output, `exit_code` is the process's exit status."""

    kind = "error"
    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(EdgenasError):
    kind = "usage"
    exit_code = 2


class DataError(UsageError):
    kind = "data"


class ProfileError(UsageError):
    kind = "profile"


class RunError(UsageError):
    kind = "run"


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


class Interrupted(EdgenasError):
    kind = "interrupted"
    exit_code = 130


def unknown(what: str, value: str, known: Iterable[str]) -> UsageError:
    """The error for a name that is none of `known`, naming the nearest one."""
    names = sorted(known)
    near = difflib.get_close_matches(value, names, n=1)
    guess = f"did you mean {near[0]!r}? " if near else ""
    return UsageError(f"{value!r} is no known {what}", f"{guess}known: {', '.join(names) or 'none'}")


def missing_extra(package: str, extra: str) -> UsageError:
    """The error for an optional package that is not installed."""
    return UsageError(f"this needs the package {package!r}, which is not installed",
                      f'pip install "edgenas[{extra}]"')
