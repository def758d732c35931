"""Networks written as users write them, through every format and precision: parity, accuracy, size, latency.

Trains examples/resnet.py and examples/vit.py for a few epochs, saves their weights, and gives both to
`edgenas export --from`. Prints a row of a Markdown table per file, and why a format was refused where it was. What was
trained is not trained again.

    python benchmarks/any_network.py --data mnist
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

from edgenas.data import Task, load
from edgenas.flow.foreign_network import build

ROOT = Path(__file__).parent.parent
NETWORKS = ("resnet", "vit")
FORMATS = ("onnx", "tflite", "tvm", "binary")
HEAD = ("network", "file", "KiB", "max abs", "agrees with PyTorch", "test accuracy", "in PyTorch", "latency, measured",
        "in the file")


@click.command()
@click.option("--data", default="mnist", show_default=True, help="Grey images of 28 x 28, as edgenas run takes them.")
@click.option("--out", default="runs/any-network", show_default=True, type=click.Path(path_type=Path))
@click.option("--format", "formats", multiple=True, default=FORMATS, show_default=True)
@click.option("--epochs", default=4, show_default=True)
@click.option("--max-drop", default=1.0, show_default=True, help="Points of accuracy that int8 may lose.")
def main(data: str, out: Path, formats: tuple[str, ...], epochs: int, max_drop: float) -> None:
    task = load(data)
    print("| " + " | ".join(HEAD) + " |", "| " + " | ".join(["---"] * len(HEAD)) + " |", sep="\n", flush=True)
    refused = []
    for name in NETWORKS:
        weights = out / f"{name}.safetensors"
        if not weights.exists():
            out.mkdir(parents=True, exist_ok=True)
            save_file(trained(build(origin(name), None), task, epochs).state_dict(), weights)
        for precision in ("fp32", "int8"):
            for format in formats:
                found = exported(name, weights, data, out / name, format, precision, max_drop)
                if "error" in found:
                    refused.append(f"{name}, {format} {precision}: {found['error']['message']}")
                    continue
                gates = {artifact["path"]: artifact["gates"] for artifact in found["artifacts"]}
                for row in found["verified"]:
                    print("| " + " | ".join(cells(name, row, gates[Path(row["path"]).name])) + " |", flush=True)
    print(*refused, sep="\n")


def origin(name: str) -> str:
    return f"{ROOT / 'examples' / name}.py:build"


def trained(network: nn.Module, task: Task, epochs: int, batch: int = 64) -> nn.Module:
    network.train()
    images, labels = task.normalise(task.train.images), task.train.labels
    steps = epochs * (len(labels) // batch)
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    for _ in range(epochs):
        for picked in torch.randperm(len(labels))[:len(labels) // batch * batch].view(-1, batch):
            loss = F.cross_entropy(network(images[picked]), labels[picked])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return network.eval()


def exported(name: str, weights: Path, data: str, out: Path, format: str, precision: str,
             max_drop: float) -> dict[str, Any]:
    """What the command prints; each in a process of its own, as a user's would be."""
    command = [sys.executable, "-m", "edgenas", "export", "--from", origin(name), "--weights", str(weights), "--data",
               data, "--format", format, "--precision", precision, "--max-drop", str(max_drop), "--out", str(out),
               "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        document: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise SystemExit(done.stderr) from None
    return document


def cells(name: str, row: dict[str, Any], gates: dict[str, Any] | None) -> tuple[str, ...]:
    from edgenas.export.check.findings import described
    from edgenas.export.package.manifest import Gates
    latency = row["measured_latency_ms"]
    return (name, Path(row["path"]).name, f"{row['bytes'] / 1024:.0f}", f"{row['max_abs']:.2g}",
            f"{row['agreement']:.2%}", f"{row['test_accuracy']:.2%}", f"{row['test_accuracy_pytorch']:.2%}",
            "not on this device" if latency is None else f"{latency:.3f} ms",
            described(Gates.model_validate(gates) if gates else None))


if __name__ == "__main__":
    main()
