"""Artifacts folders of small networks."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from edgenas.export.package.about import About, embed
from edgenas.export.package.contents import operators, signature
from edgenas.export.package.manifest import Artifact, Input, Manifest, write
from edgenas.export.package.preprocessing import Preprocessing
from edgenas.files import sha256

CLASSES = ("ant", "bee", "cat", "dog", "eel")


def preprocessing(channels: str) -> Preprocessing:
    grey = channels == "grey"
    return Preprocessing(channels=channels, size=(20, 28), scale=1 / 255, mean=(0.35,) if grey else (0.5, 0.4, 0.3),
                         std=(0.5,) if grey else (0.2, 0.25, 0.3))


def network_input(channels: str) -> Input:
    how = preprocessing(channels)
    return Input(name="image", shape=(1, len(how.mean), *how.size), dtype="float32", preprocessing=how)


def about(channels: str = "RGB") -> About:
    return About(edgenas_version="0", classes=CLASSES, input=network_input(channels), space="mini",
                 architecture={"1": "wide"}, seed=0)


def artifact(format: str, path: Path, precision: str = "fp32") -> Artifact:
    inputs, outputs = signature(path)
    return Artifact(
        format=format, runtime=format, path=path.name, bytes=path.stat().st_size, sha256=sha256(path),
        inputs=inputs, outputs=outputs, layout="NHWC" if format == "tflite" else "NCHW", precision=precision,
        operators=operators(path), max_abs=0.0, agreement=1.0, parity_images=1, target="host")


def described(folder: Path, files: dict[str, str], channels: str = "RGB") -> Manifest:
    """Write the manifest of `files`, name -> format; what can say what it is says it."""
    artifacts = []
    for name, format in files.items():
        if format in ("onnx", "tflite"):
            embed(folder / name, about(channels))
        artifacts.append(artifact(format, folder / name, "int8" if "int8" in name else "fp32"))
    document = Manifest(
        edgenas_version="0", created=datetime.now(UTC), command="edgenas run --out mini", seed=0, space="mini",
        architecture={"1": "wide"}, classes=CLASSES, versions={}, artifacts=tuple(artifacts),
        input=network_input(channels))
    write(document, folder)
    return document
