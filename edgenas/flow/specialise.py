"""The whole flow, and what is said of a run when it is done."""

from __future__ import annotations

from collections.abc import Sequence

from edgenas.flow.baselines import baselines_phase
from edgenas.flow.export import default_formats, export_phase, is_exported
from edgenas.flow.records import Decoding, Training, Uncut, Verdict, VerifiedBudget
from edgenas.flow.records.result import Before, Result
from edgenas.flow.run import Run
from edgenas.flow.search import search_phase
from edgenas.flow.target import Target
from edgenas.flow.train import train_phase
from edgenas.flow.verify import is_verified, verify_phase
from edgenas.flow.work import Work
from edgenas.progress import Progress


def specialise(work: Work, progress: Progress, *, formats: Sequence[str] = (), baselines: bool = False) -> None:
    """Profile, search, train, export and verify; phases that are done are not done again.

    Raises: whatever stops any phase.
    """
    run = work.run
    search_phase(work, progress)
    train_phase(work, progress)
    wanted = list(formats) or default_formats(run)
    if not is_exported(run, wanted):
        export_phase(work.product(), wanted, progress)
    if not is_verified(run):
        verify_phase(work, progress)
    if baselines:
        baselines_phase(work, progress)


def result(run: Run) -> Result:
    """What is known of a run, as far as its phases are done: what `edgenas run` and `edgenas verify` print."""
    decoding, trained, verdict = Decoding.read(run.folder), Training.read(run.folder), Verdict.read(run.folder)
    target = Target.at(run.config)
    found = Result(
        run=str(run.folder), device=target.device.name, runtime=run.config.runtime, strategy=run.config.strategy,
        space=run.config.space, space_options=run.config.space_options, seed=run.config.seed,
        statistic=run.config.statistic if target.is_measurable else "mean",
        reachable={metric: model.reachable for metric, model in decoding.models.items()} if decoding else {},
        budgets=budgets(decoding, verdict), architecture=dict(run.architecture) if decoding else {},
        accuracy=trained.accuracy.by_part if trained else {}, artifacts=verdict.artifacts if verdict else ())
    own = Uncut.read(run.folder)
    return found.replaced(uncut=Before(accuracy=own.accuracy, costs=own.before), counted=own.after) if own else found


def budgets(decoding: Decoding | None, verdict: Verdict | None) -> tuple[VerifiedBudget, ...]:
    """As they were verified; before that, against what was measured of the decoded network. All say how their cost is
    known, which older runs leave out."""
    if verdict is not None and verdict.budgets:
        return tuple(b if b.provenance else b.replaced(provenance=b.figure.provenance) for b in verdict.budgets)
    if decoding is None:
        return ()
    return tuple(VerifiedBudget.of(b, decoding.predicted[b.metric], decoding.figure(b.metric), within=True)
                 for b in decoding.budgets)


def within_budget(run: Run) -> bool:
    """Whether the last verification found every budget held."""
    verdict = Verdict.read(run.folder)
    return verdict is not None and verdict.within
