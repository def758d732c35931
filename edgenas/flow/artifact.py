"""One exported file, as the manifest describes it."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from edgenas.export import exporter
from edgenas.export.base import Exporter
from edgenas.export.package import manifest
from edgenas.export.package.contents import figures, operators, reads, signature, tuned, unscheduled
from edgenas.export.tvm.target import CPU_MARK
from edgenas.files import sha256
from edgenas.flow.parity import HOST, Proven
from edgenas.flow.product import Product
from edgenas.flow.run import Run
from edgenas.measure.runtime import Precision
from edgenas.space.precision import int8_choices


def file_name(export: Exporter, precision: str, target: str) -> str:
    """`model.onnx`, `model.int8.tflite`, `model-aarch64-cortex-a72.so`, `model-ethos-u55-128.int8_vela.tflite`."""
    stem = "model" if target == HOST else f"model-{target_name(target).replace(CPU_MARK, '-')}"
    return f"{stem}{export.suffix}" if precision == "fp32" else f"{stem}.{precision}{export.suffix}"


def target_name(target: str) -> str:
    """A device's name for its file."""
    return Path(target).stem if target.endswith(".toml") else target


def describe_file(product: Product, proven: Proven, export: Exporter, path: Path, target: str,
                  precision: Precision) -> manifest.Artifact:
    inputs, outputs = signature(path)
    return manifest.Artifact(
        format=export.format, runtime=proven.runtime, path=path.name, bytes=path.stat().st_size, sha256=sha256(path),
        inputs=inputs, outputs=outputs, layout=layout(inputs[0].shape, product.task.input_shape),
        operators=operators(path), max_abs=proven.parity.max_abs, agreement=proven.parity.agreement,
        parity_images=proven.parity.images, target=target_name(target), figures=figures(path),
        precision=precision, int8=int8_choices(product.architecture) if precision == "mixed" else (),
        quantisation=proven.quantisation,
        gates=proven.gates, unscheduled=unscheduled(path), tuned=tuned(path), reads=reads(path))


def layout(shape: Sequence[int], image: tuple[int, int, int]) -> Literal["NCHW", "NHWC"]:
    return "NCHW" if tuple(shape[1:]) == image else "NHWC"


@contextlib.contextmanager
def runnable_file(run: Run, artifact: manifest.Artifact) -> Iterator[Path]:
    """What the artifact's runtime takes: the artifact's file, or the one that it holds.

    Raises: ExportError for a file that is damaged.
    """
    export, path = exporter(artifact.format), artifact_path(run, artifact)
    content = export.unpack(path)
    if content is None:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="edgenas-") as folder:
        held = Path(folder) / f"model{exporter(export.proof).suffix}"
        held.write_bytes(content)
        yield held


def artifact_path(run: Run, artifact: manifest.Artifact) -> Path:
    return run.artifacts / artifact.path
