"""The pages that are written of what flow did, and the whole flow with its page: for Python and the command line."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgenas.errors import MissingExtra
from edgenas.progress import Progress

if TYPE_CHECKING:
    from edgenas.cost.latency import Study
    from edgenas.flow.records.documents import Profiled
    from edgenas.flow.work import Work


def specialise_and_report(work: Work, progress: Progress, *, formats: Sequence[str] = (),
                          baselines: bool = False) -> None:
    """Every phase, and the report, which is left out, and said so, where its package is not installed.

    Raises: whatever stops any phase.
    """
    from edgenas.flow.specialise import specialise

    specialise(work, progress, formats=formats, baselines=baselines)
    try:
        write_report(work, progress)
    except MissingExtra as error:  # the report's package is an extra: its absence must not lose the run
        progress.say(f"no report: {error.message}; {error.hint}")


def write_report(work: Work, progress: Progress, *, baselines: bool = False) -> Path:
    """Write `report.html`; with `baselines`, train those first.

    Raises: MissingExtra when the report's package is not installed; whatever stops a baseline.
    """
    from edgenas.report import page

    if baselines:
        from edgenas.flow.baselines import baselines_phase

        baselines_phase(work, progress)
    return page.write_report(work.run)


def write_predictions(path: Path, report: Profiled, found: Study, progress: Progress) -> str | None:
    """The path of the page with a profile's scatter plot; None, and it is said, where plotly is not installed."""
    if importlib.util.find_spec("plotly") is None:
        progress.say('no page of predictions is written, which takes plotly: pip install "edgenas[report]"')
        return None
    from edgenas.report.prediction import write_prediction

    return str(write_prediction(path, report, found.evaluation))
