"""edgenas profile"""

from __future__ import annotations

import click

from edgenas.cli.options import data_options, device_options, space_options
from edgenas.cli.output import emit, json_option, table


@click.command(epilog="Example: edgenas profile --device host --data mnist --runtime onnxruntime")
@data_options
@device_options
@space_options
@click.option("--renew", is_flag=True, help="Forget what was measured and begin anew.")
@click.option("--seed", type=int, default=0, show_default=True, hidden=True)
@json_option
def command(as_json: bool, **request: object) -> None:
    """Measure the blocks of a space on a device, and whole networks to calibrate their sum.

    Every measurement is kept as it is made: interrupt at will, the same command goes on.
    """
    from edgenas.cli.terminal import Terminal
    from edgenas.run.profiling import profile_for

    with Terminal() as terminal:
        document = profile_for(request, terminal)
    held = document["held_out"]
    title = f"profile of {document['device']}, {document['runtime']}"
    emit(as_json, document, lambda: table(title, ["what", "value"], [
        ["file", document["profile"]],
        ["blocks measured", document["blocks"]],
        ["networks measured", document["networks"]],
        ["this space reaches, latency_ms", "{:.4g} to {:.4g}".format(*document["reachable"]["latency_ms"])],
        ["held-out networks", held["networks"]],
        ["mean absolute error", f"{held['mape']:.1%}"],
        ["Spearman", held["spearman"]],
        ["within ±10%", f"{held['within_10']:.0%}"],
        ["margin for decoding", f"{held['margin']:.1%}"],
    ]))
