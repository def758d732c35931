"""edgenas report"""

from __future__ import annotations

import click

from edgenas.cli.options import run_folder, trust_option
from edgenas.cli.output import emit, json_option, say


@click.command(epilog="Example: edgenas report runs/p --baselines")
@run_folder
@click.option("--baselines", is_flag=True, help="First train random networks and a hand-made one at the same budget.")
@trust_option
@json_option
def command(folder: str, baselines: bool, trust: bool, as_json: bool) -> None:
    """Write RUN/report.html, one self-contained page."""
    from edgenas.api.report import write_report
    from edgenas.cli.start import opened

    with opened(folder, trust) as (work, terminal):
        path = write_report(work, terminal, baselines=baselines)
    emit(as_json, {"run": folder, "report": str(path)}, lambda: say(f"wrote {path}"))
