"""edgenas predict"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgenas.cli.options import device_options
from edgenas.cli.output import emit, json_option, say, table

if TYPE_CHECKING:
    from edgenas.flow.records.documents import PredictedFile


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


def show(found: PredictedFile) -> None:
    latency = found.latency_ms
    rows = [[layer.name, layer.kind, layer.detail, "x".join(map(str, layer.shape)), layer.macs, layer.params,
             "?" if layer.latency_ms is None else f"{layer.latency_ms:.4f}", layer.provenance or "never profiled"]
            for layer in found.layers]
    table(f"{found.file} ({found.file_precision}) on {found.device}, {found.runtime}", [
        "layer", "kind", "detail", "output", "MACs", "weights", "latency_ms", "how"], rows)
    shown = "{:.4g} to {:.4g}".format(*latency.interval_90) if latency.interval_90 else "none: see below"
    table("the whole network", ["what", "value"], [
        ["latency_ms, predicted", _least(latency.at_least, f"{latency.predicted:.4g}")],
        ["90% interval", shown], ["of that, overhead", latency.overhead],
        ["macs", _least(found.not_counted, f"{found.macs}")], ["params", found.params],
        ["peak_memory_kib", found.peak_memory_kib]])
    if found.not_counted:
        say(f"WARNING: macs: at least {found.macs}; not counted: {', '.join(found.not_counted)}", err=True)
    for reason in latency.no_interval:
        say(f"WARNING: no interval: {reason}", err=True)
    if found.next:
        say(f"  try: {found.next}", err=True)


def _least(lacking: object, figure: str) -> str:
    return f"at least {figure}" if lacking else figure
