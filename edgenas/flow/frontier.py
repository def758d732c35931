"""A user's own network made to fit several budgets: they share its profile, its importance, and what it was taught.

One run a budget, in a folder of its own; what is known of them all is `frontier.json` beside these folders.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from edgenas.cost import budget
from edgenas.data import Task
from edgenas.errors import BudgetError, UsageError
from edgenas.flow.config import RunConfig
from edgenas.flow.configure import budgets, configure
from edgenas.flow.records import Accuracy, Frontier, FrontierRow, FrontierUncut, Uncut, Verdict
from edgenas.flow.requests import RunRequest
from edgenas.flow.run import Run, check_holds_only
from edgenas.flow.specialise import result, within_budget
from edgenas.flow.teacher import taken_over
from edgenas.flow.work import Work
from edgenas.progress import Progress

NAME, REPORT = Frontier.FILE, "report.html"
METRIC = "latency_ms"
EXAMPLE = "--latency-ms 75%,50%,25%"
Phase = Callable[[Work], object]


def texts_of(request: RunRequest) -> list[str]:
    """The latency budgets of a request, as folders are named by them.

    Raises: UsageError for one that is none, one that is given twice, or a space by name.
    """
    if not request.origin:
        raise UsageError(f"--latency-ms {request.latency_ms} are several budgets, which are for a network of your own",
                         "give one of them, or --from net.py:build")
    found = [budget.request(METRIC, text.strip()).text for text in (request.latency_ms or "").split(",")]
    if twice := next((text for text in found if found.count(text) > 1), None):
        raise UsageError(f"the budget {METRIC}={twice} is given twice", EXAMPLE)
    return found


def run_frontier(folder: Path, request: RunRequest, phase: Phase, progress: Progress, *, command: Sequence[str] = (),
                 resume: bool = False) -> Frontier:
    """Do `phase` for a run of each latency budget, in `folder`/latency_ms=75% and so on, one after the other; with
    `resume`, what is done is not done again. A budget that no network holds is a row as well.

    Raises: UsageError for budgets that are none; RunError when the folder holds something else; whatever else stops a
    run, stops them all.
    """
    texts = texts_of(request)
    check_folder(folder)
    series = Series(folder, request, *configure(request.model_copy(update={"latency_ms": texts[0]}), command), progress,
                    resume)
    for text in texts:
        series.do(text, phase)
    return series.written()


def check_folder(folder: Path) -> None:
    """Raises: RunError for a folder that holds anything but runs by their latency budgets."""
    check_holds_only(folder, lambda name: name in (NAME, REPORT) or name.startswith(f"{METRIC}="), "run of a budget",
                     "several budgets")


class Series:
    """The runs in a folder, of one configuration but for the budget. rows: of those that were worked on."""

    def __init__(self, folder: Path, request: RunRequest, config: RunConfig, task: Task, progress: Progress,
                 resume: bool) -> None:
        self.folder, self.request, self.config, self.task = folder, request, config, task
        self.progress, self.resume = progress, resume
        self.works: dict[str, Work] = {}
        self.rows: list[FrontierRow] = []

    def work(self, text: str) -> Work:
        """On the run of that budget, with all that those before it came to and that no budget changes."""
        if text in self.works:
            return self.works[text]
        stated = budgets(self.request.model_copy(update={"latency_ms": text}))
        made = Run.create(self.folder / f"{METRIC}={text}", self.config.model_copy(update={"budgets": stated}),
                          resume=self.resume)
        if source := self.source(made.config):
            share(made, source)
        self.works[text] = Work(made, self.task)  # one copy of the images
        return self.works[text]

    def source(self, config: RunConfig) -> Run | None:
        """A run in the folder, of this call or an earlier one, that came to the uncut network and differs by its budget
        alone."""
        for path in sorted(self.folder.glob(f"{METRIC}=*/{Uncut.FILE}")):
            known = RunConfig.read(path.parent / "run.json")
            if known.is_same_run(config.model_copy(update={"budgets": known.budgets})):
                return Run(path.parent, known)
        return None

    def do(self, text: str, phase: Phase) -> FrontierRow:
        """Its row, after `phase`."""
        self.progress.say(f"budget {METRIC}={text}")
        work, refusal = self.work(text), None
        try:
            phase(work)
        except BudgetError as error:
            refusal = error.message
            self.progress.say(f"{METRIC}={text}: {error.message}; {error.hint}")
        self.rows.append(row_of(work.run, text, refusal))
        return self.rows[-1]

    def written(self, floor: float | None = None, chosen: str | None = None) -> Frontier:
        """What is known of all, which is kept beside the runs."""
        work = next(work for work in self.works.values() if (work.run.folder / Uncut.FILE).exists())
        record, task = Uncut.read(work.run.folder), work.task
        assert record is not None
        uncut = FrontierUncut(accuracy=record.accuracy, cost=record.before.get(METRIC), provenance=work.word(METRIC))
        found = Frontier(folder=str(self.folder), origin=work.run.config.origin or "", metric=METRIC, floor=floor,
                         chosen=chosen, validation_images=len(task.validation), test_images=len(task.test),
                         uncut=uncut, rows=tuple(sorted(self.rows, key=lambda row: -(row.limit or 0.0))))
        found.write(self.folder)
        return found


def share(run: Run, source: Run) -> None:
    """The uncut network, its importance, and what was measured of it, so that shares are of the same figure."""
    known = Uncut.read(source.folder)
    if known is None or Uncut.read(run.folder) is not None:
        return
    said, _ = taken_over(run, source)
    Uncut.from_json(said | ({"before": known.before} if known.before else {})).write(run.folder)


def row_of(run: Run, text: str, refusal: str | None) -> FrontierRow:
    """What is known of a run: where it was refused, only why."""
    if refusal is not None:
        return FrontierRow(budget=text, run=str(run.folder), within=False, error=refusal)
    found = result(run)
    (held,) = (b for b in found.budgets if b.metric == METRIC)
    verified = Verdict.read(run.folder) is not None
    within = within_budget(run) if verified else all(b.within for b in found.budgets)
    accuracy = Accuracy.from_json(found.accuracy) if found.accuracy else None
    return FrontierRow(budget=text, run=str(run.folder), within=within, limit=held.limit, cost=held.figure.value,
                       provenance=held.figure.provenance, accuracy=accuracy)
