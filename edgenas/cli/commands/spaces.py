"""edgenas spaces"""

from __future__ import annotations

import click

from edgenas.cli.options import device_options
from edgenas.cli.output import emit, json_option, table


@click.command(epilog="Example: edgenas spaces --device host --input-shape 3x32x32")
@click.option("--input-shape", default="1x28x28", show_default=True, metavar="CxHxW", help="Shape of an image.")
@click.option("--classes", type=click.IntRange(min=2), default=10, show_default=True, help="Number of classes.")
@device_options
@json_option
def command(input_shape: str, classes: int, device: str, runtime: str | None, threads: int | None,
            profiles: str | None, precision: str | None, as_json: bool) -> None:
    """List the spaces with their number of architectures and the range of costs they reach.

    Latency is predicted from the device's profile; a space that is not profiled yet shows none.
    """
    from edgenas.run.survey import survey

    found = survey(input_shape, classes, device, runtime, threads, profiles, precision)
    rows = [[s["name"] if row == 0 else "", s["size"] if row == 0 else "", metric, *(span or ["not profiled", ""])]
            for s in found for row, (metric, span) in enumerate(s["reachable"].items())]
    emit(as_json, {"spaces": found}, lambda: table(f"spaces for images of {input_shape}, {classes} classes", [
        "name", "architectures", "metric", "smallest", "largest"], rows))
