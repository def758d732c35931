"""What training for int8 wins back on a network that rounding harms.

Takes a trained run and makes its weights hard to round, while float32 computes the same: what enters each depthwise
convolution is made smaller by a factor in all channels but one, which keeps the common scale large, and the weights of
the convolution as much larger. Prints the accuracies of the int8 files, measured on them in their runtimes.

    python benchmarks/precisions.py --data mnist --out runs/precisions
    python benchmarks/qat.py --run runs/precisions --factor 40
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import click
import torch
from torch import nn

from edgenas.cli.app import run as edgenas
from edgenas.export.package import manifest
from edgenas.flow.records import Verdict
from edgenas.flow.run import Run
from edgenas.flow.work import Work
from edgenas.space.operators import MBConv
from edgenas.train.weights import save_weights


@click.command()
@click.option("--run", "folder", required=True, type=click.Path(path_type=Path))
@click.option("--factor", default=40.0, show_default=True)
@click.option("--epochs", default=5, show_default=True)
def main(folder: Path, factor: float, epochs: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        for method, options in (("ptq", ["--max-drop=100"]), ("qat", ["--max-drop=0.5", f"--set=qat.epochs={epochs}"])):
            out = Path(shutil.copytree(folder, Path(scratch) / method))
            shutil.rmtree(out / "artifacts")
            run = Run.open(out)
            save_weights(run.weights(), harmed(Work(run).network(), factor))
            code = edgenas(["export", str(out), "--format=onnx", "--format=tflite", "--precision=int8", *options])
            if code == 0:
                edgenas(["export", str(out), "--format=onnx", "--precision=fp32"])
                edgenas(["verify", str(out)])
                show(Run.open(out))


def harmed(network: nn.Module, factor: float) -> nn.Module:
    with torch.no_grad():
        for block in network.modules():
            if isinstance(block, MBConv):
                norm, depthwise = block.body[0][1], block.body[1][0]
                for value, by in ((norm.weight, 1 / factor), (norm.bias, 1 / factor), (depthwise.weight, factor)):
                    value[1:] *= by
    return network


def show(run: Run) -> None:
    known = {a.path: a for a in manifest.read(run.artifacts).artifacts}
    verdict = Verdict.read(run.folder)
    for row in verdict.artifacts if verdict else ():
        name = Path(row.path).name
        q = known[name].quantisation
        click.echo(f"| {name} | {q.method if q else 'fp32'} | "
                   + (f"{q.validation_accuracy_int8:.2%} | {q.drop_points:.2f}" if q else "|")
                   + f" | {row.test_accuracy:.2%} | {row.agreement:.2%} |")


if __name__ == "__main__":
    main()
