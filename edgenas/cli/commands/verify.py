"""edgenas verify"""

from __future__ import annotations

import click

from edgenas.cli.options import run_folder, trust_option
from edgenas.cli.output import emit, json_option


@click.command(epilog="Example: edgenas verify runs/p --json")
@run_folder
@trust_option
@json_option
def command(folder: str, trust: bool, as_json: bool) -> int:
    """Measure every artifact on the device against the budgets, and on the test set against PyTorch.

    Exit code 3 when a budget is missed.
    """
    from edgenas.cli.show import show_result
    from edgenas.cli.start import opened
    from edgenas.flow.specialise import result, within_budget
    from edgenas.flow.verify import verify_phase

    with opened(folder, trust) as (work, terminal):
        verify_phase(work, terminal)
    emit(as_json, result(work.run), lambda: show_result(work.run))
    return 0 if within_budget(work.run) else 3
