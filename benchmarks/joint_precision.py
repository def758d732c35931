"""Network and precision searched together, against searches in float32 alone and in int8 alone, at one measured budget.

All three have the same space, data, seeds, schedule and runtime, and every network is trained from scratch; what is
compared is the exported file of each: its accuracy on the test images and its latency, of all three in turns.
Prints Markdown; interrupt at will, the same command goes on.

    python benchmarks/joint_precision.py --data mnist --image-size 32 --budget 0.042 --seeds 3
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import click

from edgenas.cli.app import run as edgenas
from edgenas.flow.run import Run
from edgenas.measure.device import load_device
from edgenas.measure.job import Artifact
from edgenas.measure.measure import measure
from edgenas.space.precision import int8_choices

PRECISIONS = ("fp32", "int8", "mixed")
SESSIONS = 5
HEAD = ("budget", "seed", "search", "latency, own verification", "latency, in turns", "test accuracy", "in int8")


@click.command()
@click.option("--data", default="digits", show_default=True)
@click.option("--device", default="host", show_default=True)
@click.option("--budget", "budgets", multiple=True, type=float, required=True, metavar="MS")
@click.option("--seeds", default=1, show_default=True)
@click.option("--image-size", type=int)
@click.option("--max-images", type=int)
@click.option("--strategy", default="gdas", show_default=True)
@click.option("--search-epochs", default=6, show_default=True)
@click.option("--train-epochs", default=12, show_default=True)
@click.option("--max-drop", default=1.0, show_default=True)
@click.option("--set", "assignments", multiple=True, default=("space.width=0.5", "space.depth=1"), show_default=True)
@click.option("--out", default="runs/joint_precision", show_default=True, type=click.Path(path_type=Path))
def main(out: Path, budgets: tuple[float, ...], seeds: int, **asked: Any) -> None:
    rows = [row for limit in budgets for seed in range(seeds) for row in compared(out, limit, seed, asked)]
    for cells in (HEAD, ("---",) * len(HEAD), *rows):
        click.echo("| " + " | ".join(cells) + " |")


def compared(out: Path, limit: float, seed: int, asked: dict[str, Any]) -> list[tuple[str, ...]]:
    """A row for each precision."""
    runs = {p: specialised(out / f"{limit:g}ms-{p}-{seed}", p, limit, seed, asked) for p in PRECISIONS}
    files = {p: run.artifacts / bound(run)["file"] for p, run in runs.items() if run}
    taken = in_turns(asked["device"], files)
    return [(f"{limit:g} ms", str(seed), p, *(cells(run, taken[p]) if run else ("refused", "", "", "")))
            for p, run in runs.items()]


def specialised(folder: Path, precision: str, limit: float, seed: int, asked: dict[str, Any]) -> Run | None:
    """The finished run; None if no network held the budget or lost too much."""
    if not (folder / "verify.json").exists():
        code = edgenas(["run", "--data", asked["data"], "--device", asked["device"], "--runtime", "onnxruntime",
                        "--precision", precision, f"--latency-ms={limit}", f"--seed={seed}", "--from-scratch",
                        "--strategy", asked["strategy"],
                        f"--search-epochs={asked['search_epochs']}", f"--train-epochs={asked['train_epochs']}",
                        f"--max-drop={asked['max_drop']}", *(f"--set={text}" for text in asked["assignments"]),
                        *(f"--{name.replace('_', '-')}={asked[name]}" for name in ("image_size", "max_images")
                          if asked[name]),
                        "--out", str(folder), "--resume"])
        if code not in (0, 3, 4):  # 3, 4: over the budget, or refused
            raise SystemExit(code)
    return Run.open(folder) if (folder / "verify.json").exists() else None


def bound(run: Run) -> dict[str, Any]:
    """The verified artifact that the budget binds."""
    verdict = json.loads((run.folder / "verify.json").read_text())
    row: dict[str, Any] = next(a for a in verdict["artifacts"] if a["precision"] == run.config.precision)
    return row | {"file": Path(row["path"]).name}


def in_turns(device: str, files: dict[str, Path]) -> dict[str, float]:
    """The median of the files' latencies in ms over SESSIONS sessions, in which they take turns."""
    artifacts = [Artifact(f"{name}#{i}", path) for i in range(SESSIONS) for name, path in files.items()]
    found: dict[str, list[float]] = {name: [] for name in files}
    for result in measure(load_device(device), "onnxruntime", artifacts, threads=1):
        found[result.id.partition("#")[0]].append(result.median_of_minima_ms)
    return {name: statistics.median(values) for name, values in found.items()}


def cells(run: Run, taken: float) -> tuple[str, ...]:
    row, picked = bound(run), run.architecture
    share = {"fp32": "none", "int8": "all"}.get(run.config.precision) or (
        f"{len(int8_choices(picked))} of {len(picked)}: {', '.join(int8_choices(picked))}")
    return (f"{row['measured_latency_ms']:.4f} ms", f"{taken:.4f} ms", f"{row['test_accuracy']:.2%}", share)


if __name__ == "__main__":
    main()
