"""`edgenas predict`: the latency of any ONNX network from a device's profile, layer by layer."""

from __future__ import annotations

import shlex
from pathlib import Path

from edgenas.cost.kernels.coverage import edgenas_lacks
from edgenas.cost.kernels.model import KernelModel, Layer, Prediction
from edgenas.cost.metrics import STORAGE, metric_of
from edgenas.cost.onnx.network import Named, read_onnx
from edgenas.cost.profile import Profile, profile_path
from edgenas.flow.records.documents import PredictedFile, PredictedLatency, PredictedLayer
from edgenas.flow.requests import TargetRequest
from edgenas.flow.target import runtime_of
from edgenas.measure.device import load_device
from edgenas.measure.measurement import STATISTICS
from edgenas.measure.runtime import precision_for


def predict_file(path: Path, request: TargetRequest) -> PredictedFile:
    """What the network in `path` costs on a device that was profiled; nothing is run.

    Raises: UsageError for a file that cannot be read; ProfileError for a device without a profile of operators.
    """
    device = load_device(request.device)
    runtime = runtime_of(device, request.runtime)
    folder = Path(request.profiles) if request.profiles else None
    precision = precision_for(runtime, request.precision)
    named = read_onnx(path)
    profile = Profile.load(profile_path(device.name, runtime, request.threads or device.threads, precision, folder))
    model = KernelModel.fit(profile, STATISTICS[0])
    found = model.predict(named.network)
    return PredictedFile(
        file=str(path), device=device.name, runtime=runtime, precision=precision, file_precision=named.precision,
        profile=str(profile.path), latency_ms=_latency(found, _other_precision(named.precision, precision)),
        next=_next(path, request, profile) if found.doubts and not edgenas_lacks(found.unknown) else None,
        never_profiled=found.unknown, macs=named.network.macs, macs_at_least=bool(named.not_counted),
        not_counted=tuple(named.not_counted), params=named.params, peak_memory_kib=_peak_memory_kib(named),
        held_out=model.held_out,
        layers=tuple(_row(name, layer) for name, layer in zip(named.names, found.layers, strict=True)))


def _latency(found: Prediction, doubts: list[str]) -> PredictedLatency:
    """The figure; its interval, or why it has none; whether it is a lower bound, as operators' times are missing."""
    doubts = [*doubts, *found.doubts]
    interval = None
    if not doubts and found.low_ms is not None and found.high_ms is not None:
        interval = found.low_ms, found.high_ms
    return PredictedLatency(predicted=found.latency_ms, interval_90=interval, overhead=found.overhead_ms,
                            at_least=bool(found.unknown), no_interval=tuple(doubts))


def _next(path: Path, request: TargetRequest, profile: Profile) -> str:
    """The command that measures what a prediction of this file lacks."""
    header = profile.header
    words = ["edgenas", "profile", "--device", request.device, "--runtime", header.runtime, "--threads",
             str(header.threads), "--precision", header.precision, "--like", str(path)]
    return shlex.join([*words, *(["--profiles", request.profiles] if request.profiles else [])])


def _other_precision(of_file: str, of_profile: str) -> list[str]:
    if of_file == of_profile:
        return []
    return [f"the file is {of_file}, the profile {of_profile}: the latency is that of the same network in {of_profile}"]


def _peak_memory_kib(named: Named) -> float:
    """At the file's own precision; of several floating-point types, as if all were of the widest."""
    precision = named.precision
    if precision != "mixed" and precision not in STORAGE:
        precision = max(precision.split("+"), key=lambda name: STORAGE[name].value)
    of = metric_of("peak_memory_kib").of
    assert of is not None
    return of(named.network, precision)


def _row(name: str, layer: Layer) -> PredictedLayer:
    operator = layer.operator
    return PredictedLayer(
        name=name, kind=operator.kind, family=layer.family, detail=operator.detail, shape=operator.shape,
        macs=operator.macs, params=operator.params, latency_ms=layer.latency_ms, provenance=layer.provenance)
