"""The export phase: files that were shown to compute what PyTorch computes, and the manifest that describes them."""

from __future__ import annotations

import importlib.metadata
import shlex
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from torch import nn

from edgenas import __version__
from edgenas.cost.operators import example_input
from edgenas.errors import ExportError, UsageError, unknown
from edgenas.export import exporter, manifest
from edgenas.export.base import Export, Exporter
from edgenas.export.contents import operators, sidecar_path, signature
from edgenas.export.parity import Parity, gate, parity
from edgenas.export.tvm_target import CROSS
from edgenas.files import sha256
from edgenas.measure.runtime import load_runtime, precision_of, runtime_names
from edgenas.measure.session import open_session, runtime_format
from edgenas.progress import Progress
from edgenas.run.folder import Run

HOST = "host"
PARITY_IMAGES = 256
PACKAGES = ("torch", "onnx", "onnxruntime", "litert-torch", "ai-edge-litert", "apache-tvm", "numpy")


def export_phase(run: Run, formats: Sequence[str], progress: Progress, target: str = HOST) -> manifest.Manifest:
    """Export the trained network in each format; each file must agree with PyTorch on validation images.

    Formats that were exported before stay in the manifest.

    Raises: ExportError with the figures when a file computes something else.
    """
    if target not in (HOST, *CROSS):
        raise unknown("target", target, (HOST, *CROSS))
    network = run.network()
    chosen = exporters(formats)
    runtimes = [runtime_for(run, export.format) for export in chosen]
    progress.start("export", len(chosen))
    made = []
    for export, runtime in zip(chosen, runtimes, strict=True):
        made.append(export_one(run, network, export, runtime, target))
        progress.advance(f"{export.format}: largest difference from PyTorch {made[-1].max_abs:.2g}")
    kept = previous(run, {artifact.path for artifact in made})
    document = describe(run, [*kept, *made])
    manifest.write(document, run.artifacts)
    return document


def check_deployable(run: Run) -> None:
    """Raises: UsageError for a runtime that takes int8 files: a trained network is not exported in int8 yet."""
    if run.runtime_precision != "fp32":
        raise UsageError(f"runtime {run.config.runtime!r} takes {run.runtime_precision} files, and a trained network "
                         "cannot be exported in that precision yet",
                         "edgenas search finds an architecture within the budget; edgenas train and then "
                         "edgenas export --format tflite make an fp32 file of it")


def exporters(formats: Sequence[str]) -> list[Exporter]:
    """Raises: UsageError naming the nearest format when there is none of a name."""
    return [exporter(name) for name in dict.fromkeys(formats)]


def is_exported(run: Run, formats: Sequence[str]) -> bool:
    """Whether a file of each format is there, for this machine and as the manifest describes it."""
    if not (run.artifacts / manifest.NAME).exists():
        return False
    document = manifest.read(run.artifacts)
    try:
        manifest.verify_hashes(document, run.artifacts)
    except ExportError:
        return False
    return set(formats) <= {a.format for a in document.artifacts if a.target == HOST}


def export_one(run: Run, network: nn.Module, export: Exporter, runtime: str, target: str) -> manifest.Artifact:
    """Write one file; what another target's code computes cannot be run here, so its parity is the host build's."""
    name = "model" if target == HOST else f"model-{target}"
    path = run.artifacts / f"{name}{export.suffix}"
    item = Export(network, example_input(run.space.input_shape), path)
    export.export([item], target=target)
    with tempfile.TemporaryDirectory(prefix="edgenas-") as folder:
        runnable = item if target == HOST else replace(item, path=Path(folder) / f"model{export.suffix}")
        if runnable is not item:
            export.export([runnable])
        result = prove(run, network, runnable.path, runtime, path)
    inputs, outputs = signature(path)
    return manifest.Artifact(
        format=export.format, runtime=runtime, path=path.name, bytes=path.stat().st_size, sha256=sha256(path),
        inputs=inputs, outputs=outputs, layout=layout(inputs[0].shape, run.space.input_shape),
        operators=operators(path), max_abs=result.max_abs, agreement=result.agreement, parity_images=result.images,
        target=target)


def prove(run: Run, network: nn.Module, file: Path, runtime: str, exported: Path) -> Parity:
    """Compare `file` with PyTorch on validation images; when they differ, `exported` is removed.

    Raises: ExportError with the figures.
    """
    images = run.task.normalise(run.task.validation.images[:PARITY_IMAGES])
    try:
        result = parity(network, open_session(file, runtime).predict, images)
        gate(result)
    except ExportError as error:
        exported.unlink()
        sidecar_path(exported).unlink(missing_ok=True)
        raise ExportError(f"{exported.name} is refused: {error.message}", error.hint) from error
    return result


def layout(shape: Sequence[int], image: tuple[int, int, int]) -> Literal["NCHW", "NHWC"]:
    return "NCHW" if tuple(shape[1:]) == image else "NHWC"


def runtime_for(run: Run, format: str) -> str:
    """The run's own runtime if it takes fp32 files of `format`, else the first of the device's, else any that does.

    Raises: UsageError for a format that nothing runs.
    """
    simplest = sorted(runtime_names(), key=lambda name: hasattr(load_runtime(name), "job"))
    candidates = [run.config.runtime, *run.device.runtimes, *simplest]
    return next(name for name in candidates
                if runtime_format(name) == format and precision_of(load_runtime(name)) == "fp32")


def default_formats(run: Run) -> list[str]:
    return [load_runtime(run.config.runtime).FORMAT]


def previous(run: Run, replaced: set[str]) -> list[manifest.Artifact]:
    """Artifacts of the manifest as it is, whose files are still there and are not `replaced`."""
    if not (run.artifacts / manifest.NAME).exists():
        return []
    return [a for a in manifest.read(run.artifacts).artifacts
            if a.path not in replaced and (run.artifacts / a.path).is_file()]


def describe(run: Run, artifacts: Sequence[manifest.Artifact]) -> manifest.Manifest:
    decoding = run.read("decoding.json") or {"models": {}}
    channels, height, width = run.space.input_shape
    preprocessing = manifest.Preprocessing(channels="grey" if channels == 1 else "RGB", size=(height, width),
                                           scale=1 / 255, mean=run.task.mean, std=run.task.std)
    return manifest.Manifest(
        edgenas_version=__version__, created=datetime.now(UTC), command=shlex.join(run.config.command),
        seed=run.config.seed, space=run.config.space, architecture=dict(run.architecture), classes=run.task.classes,
        input=manifest.Input(name="image", shape=(1, channels, height, width), dtype="float32",
                             preprocessing=preprocessing),
        profile_sha256=decoding["models"].get("latency_ms", {}).get("profile_sha256"),
        versions=versions(), artifacts=tuple(artifacts))


def versions() -> dict[str, str]:
    """Of the packages that take part in exporting, where they are installed."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def artifact_path(run: Run, artifact: manifest.Artifact) -> Path:
    return run.artifacts / artifact.path
