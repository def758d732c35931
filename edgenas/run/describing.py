"""The manifest of a run's artifacts."""

from __future__ import annotations

import importlib.metadata
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime

from edgenas import __version__
from edgenas.export import manifest
from edgenas.run.folder import Run

PACKAGES = ("torch", "onnx", "onnxruntime", "litert-torch", "ai-edge-litert", "apache-tvm", "ethos-u-vela",
            "tflite-micro", "numpy")


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
