"""edgenas predict"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from edgenas.cli.options import device_options
from edgenas.cli.output import emit, json_option, table


@click.command(epilog="Example: edgenas predict model.onnx --device host")
@click.argument("model", metavar="MODEL.onnx", type=click.Path(path_type=Path))
@device_options
@json_option
def command(model: Path, as_json: bool, **options: object) -> None:
    """Predict what any ONNX network costs on a device, layer by layer; nothing is run.

    Latency comes from the device's profile of single operators: edgenas profile --operators 200.
    """
    from edgenas.run.predicting import predict_file
    from edgenas.run.requests import TargetRequest

    document = predict_file(model, TargetRequest.of(**options))
    emit(as_json, document, lambda: show(document))


def show(document: dict[str, Any]) -> None:
    latency = document["latency_ms"]
    rows = [[layer["name"], layer["kind"], layer["detail"], "x".join(map(str, layer["shape"])), layer["macs"],
             layer["params"], "?" if layer["latency_ms"] is None else f"{layer['latency_ms']:.4f}",
             layer["provenance"] or "never profiled"] for layer in document["layers"]]
    table(f"{document['file']} on {document['device']}, {document['runtime']}", [
        "layer", "kind", "detail", "output", "MACs", "weights", "latency_ms", "how"], rows)
    interval = latency["interval_90"]
    shown = "{:.4g} to {:.4g}".format(*interval) if interval else "none: see below"
    table("the whole network", ["what", "value"], [
        ["latency_ms, predicted", latency["predicted"]], ["90% interval", shown],
        ["of that, overhead", latency["overhead"]], ["macs", document["macs"]], ["params", document["params"]],
        ["peak_memory_kib", document["peak_memory_kib"]]])
    if document["never_profiled"]:
        click.echo(f"WARNING: no operator of these families was ever profiled on {document['device']}, and their time "
                   f"is missing above: {', '.join(document['never_profiled'])}", err=True)
    elif interval is None:
        click.echo("WARNING: the profile has too few whole networks for an interval: edgenas profile measures them",
                   err=True)
