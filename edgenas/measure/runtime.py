"""The family of runtimes: one stand-alone file `run_<name>.py` each, which needs nothing of edgenas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, Protocol, cast

import numpy as np

from edgenas import plugins
from edgenas.errors import UsageError, unknown
from edgenas.figure import MEASURED, PROVENANCES, Provenance

Precision = Literal["fp32", "int8", "mixed"]
PACKAGE = "edgenas.measure.runtimes"
PREFIX = "run_"

Signature = list[tuple[str, list[int], str]]
"""Name, shape and numpy dtype of each input or output, in order."""


class RuntimeSession(Protocol):
    """A loaded model."""

    inputs: Signature
    outputs: Signature

    def __init__(self, path: str, threads: int, **options: Any) -> None: ...

    def run(self, arrays: list[np.ndarray]) -> Sequence[np.ndarray]:
        """The outputs for one set of inputs."""

    def prepare(self, arrays: list[np.ndarray]) -> None:
        """Set the inputs that `invoke` uses, so that it does as little as possible beside running the model."""

    def invoke(self) -> object:
        """Run once. What it returns is ignored."""


class Runtime(Protocol):
    """A runner's file. It may also define:

    clock() -> float     seconds, to be used in place of the real time
    describe() -> dict   the accelerator that it runs on, a part of what the machine is: `name`, `software` (true if
                         it is only emulated), and what else tells it from others
    IN_CALLER            true if what it runs on one thread is computed in the thread that calls `invoke`: that thread's
                         processor time is then the run's, whatever else keeps the machine busy; false if not said
    PRECISIONS           of the files that it measures, the first by default, if not ("fp32",)
    PROVENANCE           of its figures, if they are not "measured": "estimated"
    METRICS              metric -> what `Told` says, of costs that a budget may bind and the session's figures tell
    refusal(path, **options) -> str   why a file cannot run there as a whole, or nothing; told without the device
    DEPLOYED             the format of the files that are deployed, if not FORMAT
    OPTIONS              name -> default of what a device's `settings` may say; `Session` takes them as keywords
    job(order) -> Job    what runs on the device, if that is not worker.py with this file (see job.py)
    lines(order, lines)  -> Iterator[str]: a worker's lines, if such a job prints something else

    A session may have `figures`: other costs by name, with the unit in it (`{"sram_kib": 96.0}`).
    """

    __file__: str
    FORMAT: str
    SUFFIX: str
    EXTRA: str
    Session: type[RuntimeSession]

    def version(self) -> str: ...


def runtime_names() -> list[str]:
    return plugins.names(PACKAGE, PREFIX)


def load_runtime(name: str) -> Runtime:
    """Raises: UsageError naming the nearest runtime if there is none of that name."""
    return cast(Runtime, plugins.load(PACKAGE, name, "runtime", PREFIX))


def precisions_of(runtime: Runtime) -> tuple[str, ...]:
    """Of the files that it measures, the first by default."""
    return tuple(getattr(runtime, "PRECISIONS", ("fp32",)))


def precision_for(name: str, wanted: str | None = None) -> Precision:
    """The precision of the files for the runtime `name`: the one wanted, or its first.

    Raises: UsageError naming the runtime's precisions for one that it does not measure.
    """
    known = precisions_of(load_runtime(name))
    if wanted is not None and wanted not in known:
        raise UsageError(f"runtime {name!r} runs no {wanted} files", f"--precision {known[0]}"
                         + "".join(f" or {other}" for other in known[1:]) + ", or another --runtime")
    return cast(Precision, wanted or known[0])


def in_caller(runtime: Runtime) -> bool:
    """Whether what it runs on one thread is computed in the calling thread."""
    return bool(getattr(runtime, "IN_CALLER", False))


def provenance_of(runtime: Runtime) -> Provenance:
    """How its figures are known.

    Raises: UsageError for a word that is none of PROVENANCES.
    """
    word = getattr(runtime, "PROVENANCE", MEASURED)
    if word not in PROVENANCES:
        raise unknown(f"PROVENANCE of runtime {runtime.__file__}", str(word), PROVENANCES)
    return cast(Provenance, word)


class Told(NamedTuple):
    """figure: of a session, that is the metric's. word: how it is known: measured, estimated or counted. added: the
    figure of that part of it, if any, that parts of a network take all the time, and not only while they run.
    """

    figure: str
    word: Provenance
    added: str = ""


def told_by(name: str, metric: str) -> Told | None:
    """What figure of the runtime `name` is that metric; None if it tells none."""
    found = getattr(load_runtime(name), "METRICS", {}).get(metric)
    return None if found is None else Told(*found)


def options_of(runtime: Runtime) -> dict[str, Any]:
    return dict(getattr(runtime, "OPTIONS", {}))
