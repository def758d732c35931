"""edgenas train"""

from __future__ import annotations

import click

from edgenas.cli.options import run_folder, trust_option
from edgenas.cli.output import emit, json_option


@click.command(epilog="Example: edgenas train runs/p")
@run_folder
@trust_option
@json_option
def command(folder: str, trust: bool, as_json: bool) -> None:
    """Train the network that a search found; goes on where it was interrupted."""
    from edgenas.cli.show import show_result
    from edgenas.cli.start import opened
    from edgenas.flow.specialise import result
    from edgenas.flow.train import train_phase

    with opened(folder, trust) as (work, terminal):
        train_phase(work, terminal)
    emit(as_json, result(work.run), lambda: show_result(work.run))
