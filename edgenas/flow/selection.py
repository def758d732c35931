"""Selection bound to a run: its candidates and trials, what its networks cost, and the one that is settled on."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from edgenas.errors import BudgetError
from edgenas.figure import Provenance
from edgenas.flow.measure import costs_everywhere
from edgenas.flow.own_network import with_own_hint
from edgenas.flow.records import Search
from edgenas.flow.work import Work
from edgenas.progress import Progress
from edgenas.search.search import SearchResult
from edgenas.selection.candidates import Candidates
from edgenas.selection.correction import Settled, settle
from edgenas.selection.trials import Trials
from edgenas.selection.tried import TriedNetwork
from edgenas.space import Architecture


def trials_of(work: Work, folder: Path, progress: Progress) -> Trials:
    """Trials as the run trains. folder: for their checkpoints."""
    config = work.run.config
    return Trials(work.task, config.train, config.seed, work.fabric, folder, progress)


def candidates_of(work: Work, result: SearchResult, progress: Progress) -> Candidates:
    """What the run's search leaves to choose from; what is known of each is kept in search.json."""
    run = work.run

    def keep(tried: Sequence[TriedNetwork]) -> None:
        scores = {choice: dict(row) for choice, row in result.scores.items()}
        Search(history=tuple(result.history), scores=scores, tried=tuple(tried)).write(run.folder)

    return Candidates(work.space, work.strategy, result, work.models, work.budgets, run.config.search,
                      trials_of(work, run.folder / "search" / "trials", progress), keep)


def settled_on(work: Work, result: SearchResult, candidates: Candidates, progress: Progress) -> Settled:
    """Raises: BudgetError when no decoded network held the budgets on the device."""
    config = work.run.config
    try:
        return settle(result.scores, work.models, work.budgets, partial(architecture_costs, work), progress,
                      words(work), candidates.rank, max(1, config.search.trials), candidates.fastest)
    except BudgetError as error:
        raise (with_own_hint(error) if config.origin else error) from error


def architecture_costs(work: Work, architecture: Architecture) -> dict[str, float]:
    """What the exported, untrained network of `architecture` costs; a cost as predicted where no more is known."""
    found = costs_everywhere(work, {"decoded": work.space.build(architecture).eval()})["decoded"]
    return {m: found[m] if m in found else model.predict(architecture) for m, model in work.models.items()}


def words(work: Work) -> dict[str, Provenance]:
    """How what `architecture_costs` says of each metric is known."""
    return {metric: work.word(metric) for metric in work.models}
