"""Files for other processors, run under QEMU: does a trained network predict there what PyTorch predicts?

    edgenas run --data mnist --device mock --strategy random --latency-ms 90% --train-epochs 3 --out runs/mnist
    python benchmarks/other_processors.py runs/mnist --images 100
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from edgenas.cost.network import example_input
from edgenas.errors import DeviceError
from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.tvm.target import CROSS, compiler
from edgenas.flow.manifest import images
from edgenas.flow.run import Run
from edgenas.flow.work import Work

FORMATS = {"binary": ".bin", "library": ".run"}
QEMU = {"aarch64": ("aarch64", "aarch64-linux-gnu"), "armv7": ("arm", "arm-linux-gnueabihf"),
        "riscv64": ("riscv64", "riscv64-linux-gnu"), "x86-64": ("x86_64", "x86_64-linux-gnu")}


def emulator(target: str) -> list[str]:
    name, folder = QEMU[target.partition(":")[0]]
    program = shutil.which(f"qemu-{name}-static")
    if program is None:
        raise DeviceError(f"no qemu-{name}-static here", "apt install qemu-user-static")
    return [program, "-L", f"/usr/{folder}" if Path(f"/usr/{folder}/lib").is_dir() else "/"]


def netpbm(pixels: NDArray[np.uint8]) -> bytes:
    """(C, H, W) as a PGM or PPM file."""
    channels, height, width = pixels.shape
    return f"P{6 if channels == 3 else 5} {width} {height} 255\n".encode() + pixels.transpose(1, 2, 0).tobytes()


def answer(command: list[str], given: bytes, *words: str) -> list[dict]:
    done = subprocess.run([*command, *words], input=given, capture_output=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def row(work: Work, format: str, target: str, count: int) -> str:
    test = work.task.test.images[:count]
    given, network = work.task.normalise(test), work.network().eval()
    with torch.no_grad():
        expected = network(given).numpy()
    with tempfile.TemporaryDirectory() as folder:
        to = exporter(format)
        path = Path(folder) / f"model{to.suffix}"
        item = Export(network, example_input(work.task.input_shape), path, images=images(work.task))
        to.export([item], target=target)
        command = [*emulator(target), str(path.with_suffix(FORMATS[format]))]
        tensors = answer(command, given.numpy().tobytes())
        read = [answer(command, netpbm(pixels), "--image")[0] for pixels in test.numpy()]
    labels = [work.task.classes[index] for index in expected.argmax(1)]
    by_image = sum(found["label"] == label for found, label in zip(read, labels, strict=True))
    logits = [np.array([found["logits"] for found in answers]) for answers in (tensors, read)]
    largest = max(np.abs(found - expected).max() for found in logits)
    by_tensor = int((logits[0].argmax(1) == expected.argmax(1)).sum())
    return f"| {target} | {format} | {by_tensor} of {count} | {by_image} of {count} | {largest:.1e} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--targets", nargs="+", default=[*CROSS, "aarch64:cortex-a72", "armv7:cortex-a7"])
    options = parser.parse_args()
    work = Work(Run.open(options.run))
    print("| target | format | as tensors: equal predictions | as images | largest difference of a logit |\n"
          "| --- | --- | --- | --- | --- |")
    for target in options.targets:
        compiler(target)
        for format in FORMATS:
            print(row(work, format, target, options.images), flush=True)


if __name__ == "__main__":
    main()
