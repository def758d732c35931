"""The least latency at which a user's own network, cut and trained on, holds a validation accuracy.

A bisection over latency budgets: between the least that the space reaches and the uncut network's own, halving the
range of their logarithms, each budget a whole run (search and training) that shares profile, scores and teacher with
the others. Accuracy is only known after training, and hangs on chance as well: the answer is the cheapest of the
networks that were tried and hold the floor, not a proof that no cheaper one does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

from edgenas.errors import BudgetError, UsageError
from edgenas.files import read_json, write_json
from edgenas.flow.configure import configure
from edgenas.flow.frontier import METRIC, Series, check_folder
from edgenas.flow.own_phase import prepare_own
from edgenas.flow.records import Frontier, FrontierRow, Uncut
from edgenas.flow.requests import RunRequest
from edgenas.flow.search import prepare, search_phase
from edgenas.flow.specialise import specialise
from edgenas.flow.train import train_phase
from edgenas.flow.work import Work
from edgenas.progress import Progress

STEPS = 5  # budgets that are tried
CLOSE = 1.05  # of two neighbouring budgets: nearer ones are not told apart
WHOLE = "100%"
PLAN = "range_ms"


def run_floor(folder: Path, request: RunRequest, progress: Progress, *, command: Sequence[str] = (),
              resume: bool = False, finish: Callable[[Work, Progress], object] = specialise) -> Frontier:
    """Find the least latency budget whose trained network holds `request.min_accuracy` (percent of the validation
    images), and `finish` that network's run.

    Raises: UsageError for options that do not go with it; BudgetError, with the figures, for a floor above the uncut
    network's accuracy, or one that nothing holds; whatever stops a run.
    """
    floor = checked(request)
    check_folder(folder)
    base = request.model_copy(update={"latency_ms": WHOLE, "min_accuracy": None})
    series = Series(folder, base, *configure(base, command), progress, resume)
    low, high = reach(series, floor, progress)

    def learn(work: Work) -> None:
        search_phase(work, progress)
        train_phase(work, progress)

    tried: dict[float, FrontierRow] = {}
    while len(tried) < STEPS and high > CLOSE * low:
        limit = float(f"{math.sqrt(low * high):.3g}")
        if limit in tried:
            break
        tried[limit] = row = series.do(f"{limit:g}", learn)
        low, high = (low, limit) if holds(row, floor) else (limit, high)
        progress.say(in_words(row, floor))
    if not any(holds(row, floor) for row in tried.values()):
        progress.say(in_words(series.do(WHOLE, learn), floor))
    chosen = cheapest(series.rows, floor)
    found = series.written(floor, chosen.budget if chosen else None)
    if chosen is None:
        raise BudgetError(f"none of {len(found.rows)} networks holds a validation accuracy of {floor:.1%}: "
                          f"{'; '.join(map(describe, found.rows))}", "a lower --min-accuracy, or a longer training: "
                          "--train-epochs 30")
    finish(series.works[chosen.budget], progress)
    return found


def checked(request: RunRequest) -> float:
    """The floor as a share. Raises: UsageError for options that do not go with it."""
    if not request.origin:
        raise UsageError(f"--min-accuracy {request.min_accuracy:g} is for a network of your own", "--from net.py:build")
    if request.latency_ms:
        raise UsageError("both --min-accuracy and --latency-ms are given: one of them is what is looked for",
                         "leave one of them out")
    return (request.min_accuracy or 0.0) / 100


def reach(series: Series, floor: float, progress: Progress) -> tuple[float, float]:
    """The least latency of the space as it is predicted, and the uncut network's as it was measured; kept, so that a
    resumed bisection goes the same way.

    Raises: BudgetError for a floor above the uncut network's accuracy.
    """
    work = series.work(WHOLE)
    run, count = work.run, len(work.task.validation)
    prepare_own(work, progress)
    uncut = Uncut.read(run.folder)
    assert uncut is not None
    accuracy = uncut.accuracy.validation
    if floor > accuracy:
        raise BudgetError(f"the uncut network is right on {accuracy:.1%} of {count} validation "
                          f"images, and --min-accuracy asks for {floor:.1%} of what is cut from it",
                          f"--min-accuracy {math.floor(100 * accuracy) - 1} --resume, or another --out and a longer "
                          "teaching: --teach-epochs 30")
    plan = run.folder / f"{PLAN}.json"
    if (known := read_json(plan)) is None:
        prepare(work, progress)
        uncut = Uncut.read(run.folder)
        assert uncut is not None
        known = [work.models[METRIC].reachable[0], uncut.before[METRIC]]
        write_json(plan, known)
    low, high = map(float, known)
    progress.say(f"at least {floor:.1%} of {count} validation images, at the least {METRIC}: it is "
                 f"looked for between {low:.4g} and the uncut network's {high:.4g}")
    return low, high


def holds(row: FrontierRow, floor: float) -> bool:
    return row.within and row.accuracy is not None and row.accuracy.validation >= floor


def cheapest(rows: Sequence[FrontierRow], floor: float) -> FrontierRow | None:
    """Of those that hold the floor, the one whose file was measured to cost least."""
    return min((row for row in rows if holds(row, floor)), key=lambda row: row.cost or math.inf, default=None)


def in_words(row: FrontierRow, floor: float) -> str:
    what = f"tried {METRIC}={row.budget}: "
    if row.accuracy is None:
        return f"{what}{row.error or 'nothing held it'}"
    return f"{what}{describe(row)}, {'at least' if holds(row, floor) else 'below'} {floor:.1%}"


def describe(row: FrontierRow) -> str:
    accuracy = f"validation {row.accuracy.validation:.1%}" if row.accuracy else "no network"
    return f"{accuracy} at {row.cost:.4g} ms {row.provenance}" if row.cost is not None else accuracy
