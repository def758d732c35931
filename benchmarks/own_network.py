"""A trained network made to fit, against the rules by which people cut: CIFAR-10, this machine.

The network, written plainly in examples/own_network.py, is trained first, once. At each budget, a share of its measured
latency, `edgenas run --from` cuts it; the rules (all hidden widths by one share; the same without the residual blocks
that can go) and random networks of the same space are cut to the same measured budget, keep the same weights, and are
trained on for as many epochs with the same teacher. Prints a row per network; interrupt at will, the same command goes
on.

    python benchmarks/own_network.py --data DIR_WITH_PARQUET_FILES --out runs/own
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import click
import torch
from safetensors.torch import save_file

from edgenas.cli.app import run as edgenas
from edgenas.cli.terminal import Terminal
from edgenas.data import load
from edgenas.imports import import_function
from edgenas.train.fabric import new_fabric
from edgenas.train.loop import train
from edgenas.train.settings import TrainSettings

EXAMPLE = Path(__file__).parents[1] / "examples" / "own_network.py"
FOUND = "edgenas"


@click.command()
@click.option("--data", required=True, help="A folder of parquet files, train and test.")
@click.option("--out", default="runs/own", show_default=True, type=click.Path(path_type=Path))
@click.option("--network", default="build", show_default=True, help="build: ResNet-20; mobilenet: a MobileNetV2.")
@click.option("--weights", type=click.Path(path_type=Path), help="Of that network, trained before; else it is trained.")
@click.option("--budgets", default="50%,25%", show_default=True, help="Shares of its measured latency.")
@click.option("--seeds", default=1, show_default=True)
@click.option("--max-images", default=6000, show_default=True, help="Images to train and validate on.")
@click.option("--image-size", default=32, show_default=True)
@click.option("--first-epochs", default=16, show_default=True, help="Of the uncut network.")
@click.option("--train-epochs", default=6, show_default=True, help="Of every cut network.")
@click.option("--set", "assignments", multiple=True, help="As of edgenas run, e.g. search.trials=4.")
def main(data: str, out: Path, network: str, weights: Path | None, budgets: str, seeds: int, max_images: int,
         image_size: int, first_epochs: int, train_epochs: int, assignments: tuple[str, ...]) -> None:
    weights = weights or trained(data, out, network, max_images, image_size, first_epochs)
    rows = []
    for budget in budgets.split(","):
        for seed in range(seeds):
            folder = out / f"{network}-{budget.removesuffix('%')}-{seed}"
            code = edgenas([
                "run", f"--from={EXAMPLE}:{network}", f"--weights={weights}", f"--data={data}", "--device=host",
                f"--image-size={image_size}", f"--max-images={max_images}", f"--latency-ms={budget}", f"--seed={seed}",
                f"--train-epochs={train_epochs}", *(f"--set={text}" for text in assignments), "--baselines",
                f"--out={folder}", "--resume"])
            assert code in (0, 3), code
            rows += rows_of(folder, budget, seed)
    summarise(rows)


def trained(data: str, out: Path, network: str, max_images: int, image_size: int, epochs: int) -> Path:
    """The uncut network's weights; trained where there are none yet."""
    path = out / f"{network}.safetensors"
    if not path.exists():
        task = load(data, image_size=image_size, max_images=max_images, seed=0)
        torch.manual_seed(0)
        module = import_function(f"{EXAMPLE}:{network}", "--network")()
        with Terminal() as terminal:
            train(module, task, settings=TrainSettings(epochs=epochs, lr=0.1, weight_decay=5e-4), seed=0,
                  checkpoint=out / f"{network}.pt", fabric=new_fabric("cpu"), progress=terminal)
        save_file({key: value.contiguous() for key, value in module.state_dict().items()}, path)
    return path


def rows_of(folder: Path, budget: str, seed: int) -> list[dict[str, Any]]:
    """The uncut network, the found one, and what it is compared with."""
    own, verdict, baselines = (json.loads((folder / f"{name}.json").read_text())
                               for name in ("own", "verify", "baselines"))
    accuracy = json.loads((folder / "train.json").read_text())["accuracy"]["test"]
    common = {"budget": budget, "seed": seed}
    rows = [common | {"network": "uncut", "ms": own["before"]["latency_ms"], "accuracy": own["accuracy"]["test"]},
            common | {"network": FOUND, "ms": verdict["budgets"][0]["measured"], "accuracy": accuracy}]
    for name, row in baselines.items():
        rows.append(common | {"network": name, **({"skipped": row["skipped"]} if "skipped" in row else {
            "ms": row["measured"]["latency_ms"], "accuracy": row["accuracy"]["test"]})})
    return rows


def summarise(rows: list[dict[str, Any]]) -> None:
    """Test accuracy by budget and network: the mean over seeds, and the spread where there are several."""
    for budget in dict.fromkeys(row["budget"] for row in rows):
        for name in dict.fromkeys(row["network"] for row in rows):
            group = [row for row in rows if (row["budget"], row["network"]) == (budget, name)]
            known = [row for row in group if "accuracy" in row]
            if not known:
                click.echo(f"{budget:>5} {name:16s} {group[0]['skipped']}")
                continue
            values = [100 * row["accuracy"] for row in known]
            spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
            click.echo(f"{budget:>5} {name:16s} {statistics.mean(values):5.1f}{spread} % at "
                       f"{statistics.mean(row['ms'] for row in known):.4f} ms")


if __name__ == "__main__":
    main()
