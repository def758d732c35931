"""edgenas predict"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from edgenas.cli.options import device_options
from edgenas.cli.output import emit, json_option, say, table


@click.command(epilog="Example: edgenas predict model.onnx --device host")
@click.argument("model", metavar="MODEL.onnx", type=click.Path(path_type=Path))
@device_options
@json_option
def command(model: Path, as_json: bool, **options: object) -> None:
    """Predict what any ONNX network costs on a device, layer by layer; nothing is run.

    Latency comes from the device's profile of single operators: edgenas profile --operators 200.
    """
    from edgenas.flow.predict import predict_file
    from edgenas.flow.requests import TargetRequest

    document = predict_file(model, TargetRequest.of(**options))
    emit(as_json, document, lambda: show(document))


def show(document: dict[str, Any]) -> None:
    latency = document["latency_ms"]
    rows = [[layer["name"], layer["kind"], layer["detail"], "x".join(map(str, layer["shape"])), layer["macs"],
             layer["params"], "?" if layer["latency_ms"] is None else f"{layer['latency_ms']:.4f}",
             layer["provenance"] or "never profiled"] for layer in document["layers"]]
    table(f"{document['file']} ({document['file_precision']}) on {document['device']}, {document['runtime']}", [
        "layer", "kind", "detail", "output", "MACs", "weights", "latency_ms", "how"], rows)
    interval = latency["interval_90"]
    shown = "{:.4g} to {:.4g}".format(*interval) if interval else "none: see below"
    table("the whole network", ["what", "value"], [
        ["latency_ms, predicted", _least(latency["at_least"], f"{latency['predicted']:.4g}")],
        ["90% interval", shown], ["of that, overhead", latency["overhead"]],
        ["macs", _least(document["not_counted"], f"{document['macs']}")], ["params", document["params"]],
        ["peak_memory_kib", document["peak_memory_kib"]]])
    if document["not_counted"]:
        say(f"WARNING: macs: at least {document['macs']}; not counted: {', '.join(document['not_counted'])}", err=True)
    for reason in latency["no_interval"]:
        say(f"WARNING: no interval: {reason}", err=True)


def _least(lacking: object, figure: str) -> str:
    return f"at least {figure}" if lacking else figure
