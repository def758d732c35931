"""One trained network in every format and precision: size, accuracy, agreement with PyTorch, latency on this machine.

The network is a random one of the space within a budget of multiply-accumulates; what is compared is its files. Prints
a row of a Markdown table per file; interrupt at will, the same command goes on.

    python benchmarks/precisions.py --data mnist
    python benchmarks/precisions.py --data DIR_WITH_PARQUET_FILES --max-images 6000 --train-epochs 15 --out runs/cifar
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import click

from edgenas.cli.app import run as edgenas
from edgenas.export.package import manifest
from edgenas.flow.records import Training, Verdict, VerifiedArtifact
from edgenas.flow.run import Run
from edgenas.flow.work import Work

FORMATS = ("onnx", "tflite", "tvm")
HEAD = ("file", "KiB", "method", "validation: points lost", "test accuracy", "points lost", "agrees with PyTorch",
        "latency", "of fp32")


@click.command()
@click.option("--data", required=True, help="As edgenas run takes it.")
@click.option("--out", default="runs/precisions", show_default=True, type=click.Path(path_type=Path))
@click.option("--format", "formats", multiple=True, default=FORMATS, show_default=True)
@click.option("--budget", default="macs=70%", show_default=True)
@click.option("--max-images", type=int, help="Images to train and validate on.")
@click.option("--train-epochs", default=15, show_default=True)
@click.option("--max-drop", default=0.5, show_default=True)
@click.option("--set", "assignments", multiple=True, default=("space.depth=2",), show_default=True)
def main(data: str, out: Path, formats: tuple[str, ...], budget: str, max_images: int | None, train_epochs: int,
         max_drop: float, assignments: tuple[str, ...]) -> None:
    if not (out / "weights.safetensors").exists():
        asked = ["--data", data, "--strategy", "random", "--budget", budget, "--train-epochs", str(train_epochs),
                 *(f"--set={text}" for text in assignments if not text.startswith("qat.")),
                 *([f"--max-images={max_images}"] if max_images else [])]
        check(edgenas(["search", *asked, "--out", str(out), "--resume"]))
        check(edgenas(["train", str(out)]))
    refused = [] if (out / "verify.json").exists() else exported(out, formats, max_drop, assignments)
    run = Run.open(out)
    task, verdict, trained = Work(run).task, Verdict.read(run.folder), Training.read(run.folder)
    known = {a.path: a for a in manifest.read(run.artifacts).artifacts}
    assert verdict is not None and trained is not None
    click.echo(f"{len(task.test)} test images, {len(task.validation)} validation images; PyTorch: "
               f"{trained.accuracy.test:.2%} of the test images")
    for cells in (HEAD, ("---",) * len(HEAD), *(row(a, verdict.artifacts, known) for a in verdict.artifacts)):
        click.echo("| " + " | ".join(cells) + " |")
    for text in refused:
        click.echo(text)


def exported(out: Path, formats: tuple[str, ...], max_drop: float, assignments: tuple[str, ...]) -> list[str]:
    """Export and verify; which files were refused."""
    refused = []
    for precision in ("fp32", "int8"):
        for format in formats:
            code = edgenas(["export", str(out), "--format", format, "--precision", precision, f"--max-drop={max_drop}",
                            *(f"--set={text}" for text in assignments if text.startswith("qat."))])
            if code:
                refused.append(f"refused: {format} {precision}")
    check(edgenas(["verify", str(out)]))
    return refused


def check(code: int) -> None:
    if code not in (0, 3):  # 3: over budget, which is of no interest here
        raise SystemExit(code)


def row(artifact: VerifiedArtifact, beside: Sequence[VerifiedArtifact],
        known: dict[str, manifest.Artifact]) -> tuple[str, ...]:
    exact = next(a for a in beside if a.format == artifact.format and a.precision == "fp32")
    name = Path(artifact.path).name
    q = known[name].quantisation
    latency, whole = artifact.measured_latency_ms or math.nan, exact.measured_latency_ms or math.nan
    return (name, f"{artifact.bytes / 1024:.1f}", q.method if q else "", f"{q.drop_points:.2f}" if q else "",
            f"{artifact.test_accuracy:.2%}", f"{100 * (exact.test_accuracy - artifact.test_accuracy):.2f}",
            f"{artifact.agreement:.2%}", f"{latency:.4f} ms", f"{latency / whole:.2f}")


if __name__ == "__main__":
    main()
