"""The family of runtimes: one stand-alone file `run_<name>.py` each, read here, once, into a description with types."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from pydantic import ConfigDict, ValidationError
from pydantic.dataclasses import dataclass

from edgenas import plugins
from edgenas.errors import UsageError, UserCodeError
from edgenas.figure import Provenance
from edgenas.measure.worker import check_suffix

Precision = Literal["fp32", "int8", "mixed"]
PACKAGE = "edgenas.measure.runtimes"
PREFIX = "run_"

Signature = list[tuple[str, list[int], str]]
"""Name, shape and numpy dtype of each input or output, in order."""


class RuntimeSession(Protocol):
    """A loaded model. It may have `figures`: other costs by name, with the unit in it (`{"sram_kib": 96.0}`)."""

    inputs: Signature
    outputs: Signature

    def run(self, arrays: list[np.ndarray]) -> Sequence[np.ndarray]:
        """The outputs for one set of inputs."""

    def prepare(self, arrays: list[np.ndarray]) -> None:
        """Set the inputs that `invoke` uses, so that it does as little as possible beside running the model."""

    def invoke(self) -> object:
        """Run once. What it returns is ignored."""


class Reported(NamedTuple):
    """figure: of a session, that is the metric's. word: how it is known: measured, estimated or counted. added: the
    figure of that part of it, if any, that parts of a network take all the time, and not only while they run.
    """

    figure: str
    word: Provenance
    added: str = ""


@dataclass(frozen=True, config=ConfigDict(strict=True))
class Runtime:
    """What a runtime's file says of itself: a field is the constant of its name in capitals, or the function of its
    name. What a file does not say is as here; what no field is for is refused, see `read_runtime`.

    session      the class `Session`: session(path, threads, **options) is a loaded model
    format       of the files that it runs; suffix: how their names end
    extra        of edgenas, which installs what the runtime needs
    version()    of what runs the files; ModuleNotFoundError or MissingExtra if it is not installed
    precisions   of the files that it measures, the first by default
    provenance   of its figures
    deployed     the format of the files that are deployed, if that is another
    in_caller    whether what it runs on one thread is computed in the thread that calls `invoke`: that thread's
                 processor time is then the run's, whatever else keeps the machine busy
    metrics      metric -> what the session's figures tell of it, of costs that a budget may bind
    packages     module that it imports -> the package that brings it, beside those of packages.py
    options      name -> default of what a device's `settings` may say; `Session` takes them as keywords
    clock()      seconds, to be used in place of the real time
    describe()   the accelerator that it runs on, a part of what the machine is: `name`, `software` (true if it is only
                 emulated), and what else tells it from others
    refusal(path, **options)  why a file cannot run there as a whole, or nothing; told without the device
    job(order)   what runs on the device, a Job of job.py, if that is not worker.py with this file
    lines(order, lines)  a worker's lines, if such a job prints something else
    """

    name: str
    file: Path
    format: str
    suffix: str
    extra: str
    session: Callable[..., RuntimeSession]
    version: Callable[[], str]
    precisions: tuple[Precision, ...] = ("fp32",)
    provenance: Provenance = "measured"
    deployed: str = ""
    in_caller: bool = False
    metrics: Mapping[str, Reported] = field(default_factory=dict)
    packages: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    clock: Callable[[], float] | None = None
    describe: Callable[[], Any] | None = None
    refusal: Callable[..., str] | None = None
    job: Callable[..., Any] | None = None
    lines: Callable[..., Any] | None = None

    def open(self, path: Path, threads: int = 1, **options: Any) -> RuntimeSession:
        """A loaded model.

        Raises: ValueError if the file is not of the runtime's format, and what the runtime raises for one that it
        cannot run.
        """
        check_suffix(self.suffix, self.format, str(path))
        return self.session(str(path), threads, **options)

    @property
    def takes_time(self) -> bool:
        """Whether its figures are time that passed: estimates are none, nor is what a clock of its own says."""
        return self.provenance == "measured" and self.clock is None

    @property
    def needs_python(self) -> bool:
        """Whether the device needs Python: to run worker.py with the runtime's file."""
        return self.job is None


CONSTANTS = ("FORMAT", "SUFFIX", "EXTRA", "PRECISIONS", "PROVENANCE", "DEPLOYED", "IN_CALLER", "METRICS", "PACKAGES",
             "OPTIONS")
FUNCTIONS = ("Session", "version", "clock", "describe", "refusal", "job", "lines")
NEEDED = ("FORMAT", "SUFFIX", "EXTRA", "Session", "version")
ALIKE = 0.75
"""Of names of 0 to 1 (difflib): from where on a function is taken for a misspelt one."""


def runtime_names() -> list[str]:
    return plugins.names(PACKAGE, PREFIX)


def load_runtime(name: str) -> Runtime:
    """Raises: UsageError naming the nearest runtime if there is none of that name; UserCodeError for a file that is no
    runtime's.
    """
    found = read_runtime(plugins.load(PACKAGE, name, "runtime", PREFIX))
    if found.name != name:  # a device tells the runtime's name by its file
        raise _wrong(found.file, f"an entry point calls it {name!r}", f"call the file {PREFIX}{name}.py")
    return found


@functools.cache
def read_runtime(module: ModuleType) -> Runtime:
    """The description of the runtime whose file is `module`.

    Raises: UserCodeError naming what is missing, what no runtime says (with the nearest that one does), or what is of
    another type.
    """
    path = Path(str(module.__file__))
    _check_names(module, path)
    said = {name.lower(): value for name, value in vars(module).items() if name in (*CONSTANTS, *FUNCTIONS)}
    try:
        return Runtime(**said, name=path.stem.removeprefix(PREFIX), file=path)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = str(first["loc"][0])
        raise _wrong(path, f"{place.upper() if place.upper() in CONSTANTS else place} cannot be used: {first['msg']}",
                     "mend it: edgenas.measure.runtime.Runtime says what each is") from error


def _check_names(module: ModuleType, path: Path) -> None:
    for name in NEEDED:
        if name not in vars(module):
            raise _wrong(path, f"it does not define {name}", f"a runtime defines {', '.join(NEEDED)}")
    for name, value in vars(module).items():
        if name.startswith("_") or isinstance(value, ModuleType):
            continue
        if name.isupper() and not callable(value) and name not in CONSTANTS:
            near = difflib.get_close_matches(name, CONSTANTS, 1)
            guess = f"did you mean {near[0]}? " if near else ""
            raise _wrong(path, f"{name} is nothing that a runtime says",
                         f"{guess}a constant of its own begins with _: _{name}")
        own = isinstance(value, FunctionType) and value.__module__ == module.__name__ and name not in FUNCTIONS
        if own and (near := difflib.get_close_matches(name, FUNCTIONS, 1, ALIKE)):
            raise _wrong(path, f"{name} is nothing that a runtime defines",
                             f"did you mean {near[0]}? a function of its own begins with _: _{name}")


def _wrong(path: Path, what: str, hint: str) -> UserCodeError:
    return UserCodeError(f"the runtime in {path}: {what}", hint)


def precision_for(name: str, wanted: str | None = None) -> Precision:
    """The precision of the files for the runtime `name`: the one wanted, or its first.

    Raises: UsageError naming the runtime's precisions for one that it does not measure.
    """
    known = load_runtime(name).precisions
    if wanted is not None and wanted not in known:
        raise UsageError(f"runtime {name!r} runs no {wanted} files", f"--precision {known[0]}"
                         + "".join(f" or {other}" for other in known[1:]) + ", or another --runtime")
    return wanted or known[0]


def reported_by(name: str, metric: str) -> Reported | None:
    """What figure of the runtime `name` is that metric; None if it tells none."""
    return load_runtime(name).metrics.get(metric)
