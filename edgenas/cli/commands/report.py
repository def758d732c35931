"""edgenas report"""

from __future__ import annotations

from pathlib import Path

import click

from edgenas.cli.options import run_folder, trust_option
from edgenas.cli.output import emit, json_option, say
from edgenas.errors import UsageError


@click.command(epilog="Example: edgenas report runs/p --baselines")
@run_folder
@click.option("--baselines", is_flag=True, help="First train random networks and a hand-made one at the same budget.")
@trust_option
@json_option
def command(folder: str, baselines: bool, trust: bool, as_json: bool) -> None:
    """Write RUN/report.html, one self-contained page; of several budgets, the page that compares them."""
    from edgenas.api.report import write_report
    from edgenas.cli.start import opened
    from edgenas.report.frontier import is_frontier, write_frontier

    if is_frontier(Path(folder)):
        if baselines:
            raise UsageError("--baselines is for one run, and that folder holds several budgets",
                             f"edgenas report {folder}/latency_ms=50% --baselines")
        found = write_frontier(Path(folder))
        emit(as_json, {"run": folder, "report": str(found)}, lambda: say(f"wrote {found}"))
        return
    with opened(folder, trust) as (work, terminal):
        path = write_report(work, terminal, baselines=baselines)
    emit(as_json, {"run": folder, "report": str(path)}, lambda: say(f"wrote {path}"))
