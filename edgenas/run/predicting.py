"""`edgenas predict`: the latency of any ONNX network from a device's profile, layer by layer."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgenas.cost.kernel_model import KernelModel, Layer
from edgenas.cost.metrics import metric_of
from edgenas.cost.onnx_network import read_onnx
from edgenas.cost.profile import Profile, profile_path
from edgenas.measure.device import load_device
from edgenas.measure.measurement import STATISTICS
from edgenas.measure.runtime import precision_for
from edgenas.run.request import runtime_of
from edgenas.run.requests import TargetRequest

COUNTED = ("macs", "params", "peak_memory_kib")


def predict_file(path: Path, request: TargetRequest) -> dict[str, Any]:
    """What the network in `path` costs on a device that was profiled; nothing is run.

    Raises: UsageError for a file that cannot be read; ProfileError for a device without a profile of operators.
    """
    named = read_onnx(path)
    device = load_device(request.device)
    runtime = runtime_of(device, request.runtime)
    folder = Path(request.profiles) if request.profiles else None
    precision = precision_for(runtime, request.precision)
    profile = Profile.load(profile_path(device.name, runtime, request.threads or device.threads, precision, folder))
    model = KernelModel.fit(profile, STATISTICS[0])
    found = model.predict(named.network)
    interval = None if found.low_ms is None else [found.low_ms, found.high_ms]
    return {
        "file": str(path), "device": device.name, "runtime": runtime, "precision": precision,
        "profile": str(profile.path),
        "latency_ms": {"predicted": found.latency_ms, "interval_90": interval, "overhead": found.overhead_ms},
        "never_profiled": list(found.unknown),
        **{metric: _counted(metric, named.network, precision) for metric in COUNTED},
        "held_out": asdict(model.held_out) if model.held_out else None,
        "layers": [_row(name, layer) for name, layer in zip(named.names, found.layers, strict=True)],
    }


def _counted(metric: str, network: Any, precision: str) -> float:
    of = metric_of(metric).of
    assert of is not None
    return of(network, precision)


def _row(name: str, layer: Layer) -> dict[str, Any]:
    operator = layer.operator
    return {"name": name, "kind": operator.kind, "family": layer.family, "detail": operator.detail,
            "shape": list(operator.shape), "macs": operator.macs, "params": operator.params,
            "latency_ms": layer.latency_ms, "provenance": layer.provenance}
