"""fp32 against int8 of one network, by runtime; and into how many pieces LiteRT's XNNPACK delegate cuts it.

MobileNetV2-like networks with untrained weights, on this machine, one thread; a row of a Markdown table each.

    python benchmarks/int8_speed.py --size 32 --size 96 --size 160
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import click
import torch
from ai_edge_litert.interpreter import Interpreter
from torch import nn

from edgenas.cost.network import trace
from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.check.session import runtime_format
from edgenas.export.quantise.quantised import random_calibration
from edgenas.measure.device import load_device
from edgenas.measure.job import Artifact
from edgenas.measure.measure import measure
from edgenas.space.architecture import Architecture
from edgenas.space.choice import choices_of
from edgenas.space.space import pick
from edgenas.space.spaces.mobile import network

VARIANTS = (("relu6", 3), ("hardswish", 3), ("relu6", 5), ("relu6", 7))


@click.command()
@click.option("--size", "sizes", multiple=True, type=int, default=(32, 96, 160), show_default=True)
@click.option("--runtime", "runtimes", multiple=True, default=("onnxruntime", "litert"), show_default=True)
def main(sizes: tuple[int, ...], runtimes: tuple[str, ...]) -> None:
    cells = ("runtime", "images", "activation, kernel", "MMACs", "fp32", "int8", "int8 of fp32",
             "int8: parts for XNNPACK")
    click.echo("| " + " | ".join(cells) + " |\n" + "| --- " * len(cells) + "|")
    for runtime in runtimes:
        for size in sizes:
            for activation, kernel in VARIANTS:
                with tempfile.TemporaryDirectory() as folder:
                    row(runtime, size, activation, kernel, Path(folder))


def row(runtime: str, size: int, activation: str, kernel: int, folder: Path) -> None:
    module, shape = mobile(size, activation, kernel), (3, size, size)
    export, image = exporter(runtime_format(runtime)), torch.randn(1, *shape)
    files = {precision: folder / f"{precision}{export.suffix}" for precision in ("fp32", "int8")}
    for precision, path in files.items():
        export.export([Export(module, image, path, random_calibration(image))], precision=precision)
    found = {result.id: result.latency_ms() for result in measure(
        load_device("host"), runtime, [Artifact(precision, path) for precision, path in files.items()], threads=1)}
    cut = str(pieces(files["int8"])) if runtime == "litert" else ""
    macs = trace(module, shape).macs / 1e6
    click.echo(f"| {runtime} | {size}×{size} | {activation}, {kernel}×{kernel} | {macs:.1f} | {found['fp32']:.3f} ms | "
               f"{found['int8']:.3f} ms | {found['int8'] / found['fp32']:.2f} | {cut} |")


def mobile(size: int, activation: str, kernel: int) -> nn.Module:
    torch.manual_seed(0)
    supernet = network((3, size, size), 1000, activation=activation)  # type: ignore[arg-type]
    return pick(supernet, Architecture(dict.fromkeys(choices_of(supernet), f"mbconv_k{kernel}_e6"))).eval()


def pieces(file: Path) -> int:
    """Into how many parts the delegate cuts the graph; between them LiteRT's own kernels run."""
    interpreter = Interpreter(str(file), num_threads=1)
    interpreter.allocate_tensors()
    return sum(op["op_name"] == "DELEGATE" for op in interpreter._get_ops_details())


if __name__ == "__main__":
    main()
