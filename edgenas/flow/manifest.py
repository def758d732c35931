"""The manifest of a run's artifacts, and what each of them says of itself."""

from __future__ import annotations

import importlib.metadata
import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from edgenas import __version__
from edgenas.data import Task
from edgenas.export.base import Images
from edgenas.export.package import manifest
from edgenas.export.package.about import About
from edgenas.export.package.preprocessing import Preprocessing
from edgenas.files import sha256
from edgenas.flow.product import Product
from edgenas.flow.records import Decoding, Uncut
from edgenas.flow.run import Run

PACKAGES = ("torch", "onnx", "onnxruntime", "litert-torch", "ai-edge-litert", "apache-tvm", "ethos-u-vela",
            "tflite-micro", "numpy")


def describe(product: Product, artifacts: Sequence[manifest.Artifact]) -> manifest.Manifest:
    run, task = product.run, product.task
    return manifest.Manifest(
        edgenas_version=__version__, created=datetime.now(UTC), command=shlex.join(run.config.command),
        seed=run.config.seed, space=run.config.space, architecture=dict(product.architecture), classes=task.classes,
        input=image_input(task), profile_sha256=profile_sha256(run), weights_sha256=weights_sha256(product.weights),
        versions=versions(), artifacts=tuple(artifacts), starter=starter(run))


def starter(run: Run) -> manifest.Starter | None:
    """As it was when the run began with it."""
    found = Uncut.read(run.folder)
    return manifest.Starter.model_validate(found.starter.to_json()) if found and found.starter else None


def about(run: Run, task: Task, architecture: Mapping[str, str], weights: Path | None = None) -> About:
    """What a file of a network of the run says of itself. weights: the file of its weights, if it has one."""
    return About(
        edgenas_version=__version__, classes=task.classes, input=image_input(task), space=run.config.space,
        architecture=dict(architecture), seed=run.config.seed, data_fingerprint=run.config.data_fingerprint,
        profile_sha256=profile_sha256(run), weights_sha256=weights_sha256(weights))


def longest_about(run: Run, task: Task, choices: Mapping[str, Sequence[str]]) -> About:
    """What any network's file may say at most, of as many bytes."""
    found = about(run, task, {choice: max(candidates, key=len) for choice, candidates in choices.items()})
    return found.model_copy(update={"profile_sha256": "0" * 64, "weights_sha256": "0" * 64})


def image_input(task: Task) -> manifest.Input:
    channels, height, width = task.input_shape
    return manifest.Input(
        name="image", shape=(1, channels, height, width), dtype="float32", preprocessing=Preprocessing(
            channels="grey" if channels == 1 else "RGB", size=(height, width), scale=1 / 255, mean=task.mean,
            std=task.std))


def profile_sha256(run: Run) -> str | None:
    """Of the profile by which the network was chosen."""
    decoding = Decoding.read(run.folder)
    model = decoding.models.get("latency_ms") if decoding else None
    return model.profile_sha256 if model else None


def weights_sha256(weights: Path | None) -> str | None:
    return sha256(weights) if weights else None


def images(task: Task) -> Images:
    return Images(image_input(task).preprocessing, task.classes)


def versions() -> dict[str, str]:
    """Of the packages that take part in exporting, where they are installed."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
