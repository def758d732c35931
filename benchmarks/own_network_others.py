"""What else people do with a trained network under a budget, beside finished runs of `edgenas run --from --baselines`.

For each run in a folder, at the same measured budget, from the same taught network, trained on for as many epochs with
it as the teacher:

torch_pruning  global pruning of channels by torch-pruning (`pip install torch-pruning`): of the ratios in steps of
               0.02, the least whose exported file measures within the budget, found by bisection. Group Taylor
               importance over 1,000 training images, channels in multiples of 8, the classifier's outputs kept.
resolution     the uncut network on smaller images; the largest multiple of 8 that holds.
nothing        a network of space `mobile`, trained from random weights: strategy `halving`, its trials as ever.

Then prints a row per network and budget: the mean over seeds and its spread. Interrupt at will; the same command goes
on.

    python benchmarks/own_network_others.py runs/own
"""

from __future__ import annotations

import bisect
import copy
import json
import statistics
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import edgenas
from edgenas.cost.network import example_input
from edgenas.data import Task, load
from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.check.session import runtime_format
from edgenas.files import read_json, write_json
from edgenas.flow.foreign_network import build, fingerprint
from edgenas.flow.measure import figure, measure_files
from edgenas.flow.run import Run
from edgenas.flow.verify import run_budgets
from edgenas.flow.work import Work
from edgenas.progress import Progress, Silent
from edgenas.train.fabric import accuracy
from edgenas.train.loop import train

OTHERS = "others.json"
SCORED = 1000  # training images of the Taylor importance
RATIOS = [round(0.02 * i, 2) for i in range(1, 49)]
MULTIPLE = 8
Row = dict[str, Any]


@dataclass(frozen=True)
class Candidate:
    """A network that holds the budget, before it is trained. task: the data at its image size."""

    network: nn.Module
    task: Task
    ms: float
    about: str


def measured_ms(work: Work, network: nn.Module, task: Task) -> float:
    """Of the network's exported file, as the run measures its own."""
    export = exporter(runtime_format(work.target.runtime))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"net{export.suffix}"
        item = Export(copy.deepcopy(network).cpu().eval(), example_input(task.input_shape), path)
        export.export([item], target=work.target.device.target)
        return figure(measure_files(work.target, {"net": path})["net"], work.target.statistic)


class Pruned:
    """A taught network pruned by torch-pruning at each of RATIOS, with its measured latency; made when asked for, once.
    """

    def __init__(self, work: Work) -> None:
        self.work, self.known = work, dict[float, Candidate]()
        self.scored = copy.deepcopy(work.own.network).eval()
        task = work.task
        images, labels = task.normalise(task.train.images[:SCORED]), task.train.labels[:SCORED]
        for batch, wanted in zip(images.split(100), labels.split(100), strict=True):
            cross_entropy(self.scored(batch), wanted, reduction="sum").backward()

    def at(self, ratio: float) -> Candidate:
        if ratio not in self.known:
            network = pruned(self.scored, self.work.task, ratio)
            self.known[ratio] = Candidate(network, self.work.task, measured_ms(self.work, network, self.work.task),
                                          f"ratio {ratio}")
        return self.known[ratio]

    def within(self, limit: float) -> Candidate | None:
        """The least pruned one that holds `limit` ms; None where the most pruned one does not."""
        index = bisect.bisect_left(RATIOS, True, key=lambda ratio: self.at(ratio).ms <= limit)
        return self.at(RATIOS[index]) if index < len(RATIOS) else None


def pruned(scored: nn.Module, task: Task, ratio: float) -> nn.Module:
    """scored: with the gradients by which channels are weighed."""
    import torch_pruning as pruning

    network = copy.deepcopy(scored)
    for module, other in zip(network.parameters(), scored.parameters(), strict=True):
        module.grad = other.grad
    kept = [module for module in network.modules()
            if isinstance(module, nn.Linear) and module.out_features == len(task.classes)]
    pruning.pruner.BasePruner(
        network, torch.zeros(1, *task.input_shape), importance=pruning.importance.GroupTaylorImportance(),
        global_pruning=True, pruning_ratio=ratio, max_pruning_ratio=0.95, ignored_layers=kept,
        round_to=MULTIPLE).step()
    network.zero_grad()
    return network


def by_resolution(work: Work, limit: float) -> Candidate | None:
    """The uncut network on the largest images with which it holds `limit` ms."""
    config = work.run.config
    assert config.origin is not None and config.image_size is not None
    taught = work.own.network.state_dict()
    for size in range(config.image_size - MULTIPLE, MULTIPLE, -MULTIPLE):
        task = load(config.data, image_size=size, seed=config.seed, max_images=config.max_images)
        task = replace(task, mean=work.task.mean, std=work.task.std)
        network = resized(work, size)
        network.load_state_dict(taught)
        ms = measured_ms(work, network, task)
        if ms <= limit:
            return Candidate(network, task, ms, f"{size}x{size}")
    return None


def resized(work: Work, size: int) -> nn.Module:
    """The user's network for images of that side; a starter's padding is made for it."""
    from edgenas.flow.own_network import headed

    config = work.run.config
    assert config.origin is not None
    given = build(config.origin, None, size)
    return headed(given, work.task, config.origin, new_head=config.new_head)[0] if config.new_head else given


def trained(work: Work, name: str, found: Candidate, progress: Progress) -> Row:
    """Trained on as the run's network was, with the uncut network at that image size as the teacher."""
    config = work.run.config
    teacher = found.network if name == "resolution" else work.own.network
    network = copy.deepcopy(found.network)
    torch.manual_seed(config.seed)
    train(network, found.task, settings=config.train, seed=config.seed, fabric=work.fabric, progress=progress,
          checkpoint=work.run.folder / "others" / f"{name}.pt", teacher=copy.deepcopy(teacher).eval(),
          label=f"train {name}")
    return {"ms": found.ms, "accuracy": accuracy(network, found.task.test, found.task, work.fabric),
            "about": found.about}


def from_nothing(work: Work, limit: float, progress: Progress) -> Row:
    """A network of space `mobile` within the budget, by the run's data, seed and number of epochs."""
    config = work.run.config
    folder = work.run.folder / "nothing"
    run = edgenas.specialise(
        data=config.data, image_size=config.image_size, max_images=config.max_images, seed=config.seed,
        device=config.device, latency_ms=str(limit), strategy="halving", train_epochs=config.train.epochs, out=folder,
        resume=folder.exists(), report=False, progress=progress)
    verdict = json.loads((folder / "verify.json").read_text())
    return {"ms": verdict["budgets"][0]["measured"], "accuracy": run.accuracy["test"], "about": "mobile"}


def rows_of(folder: Path, only: tuple[str, ...], series: dict[str, Pruned], progress: Progress) -> dict[str, Row]:
    """What there is of the others in a run's folder, with those that were missing; they are kept there.

    series: what was pruned of each taught network.
    """
    work = Work(Run.open(folder))
    (budget,) = run_budgets(work)
    known: dict[str, Row] = read_json(folder / OTHERS) or {}

    def by_torch_pruning(work: Work, limit: float) -> Candidate | None:
        taught = fingerprint(work.own.network)
        if taught not in series:
            series[taught] = Pruned(work)
        return series[taught].within(limit)

    ways: dict[str, Callable[[Work, float], Candidate | None]] = {
        "torch_pruning": by_torch_pruning, "resolution": by_resolution}
    for name in only:
        if name in known:
            continue
        if name == "nothing":
            known[name] = from_nothing(work, budget.limit, progress)
        else:
            found = ways[name](work, budget.limit)
            known[name] = trained(work, name, found, progress) if found else {"skipped": "none holds the budget"}
        write_json(folder / OTHERS, known)
    return known


def own_rows(folder: Path) -> dict[str, Row]:
    """The uncut network, the found one, and the run's own baselines."""
    own, verdict, training = (json.loads((folder / f"{name}.json").read_text()) for name in ("own", "verify", "train"))
    (budget,) = verdict["budgets"]
    rows: dict[str, Row] = {
        "uncut": {"ms": own["before"]["latency_ms"], "accuracy": own["accuracy"]["test"]},
        "edgenas": {"ms": budget["measured"], "accuracy": training["accuracy"]["test"], "limit": budget["limit"]}}
    for name, row in (read_json(folder / "baselines.json") or {}).items():
        rows[name] = {"skipped": row["skipped"]} if "skipped" in row else {
            "ms": row["measured"]["latency_ms"], "accuracy": row["accuracy"]["test"]}
    return rows


def finished(folder: Path) -> Iterator[tuple[str, Path]]:
    """The runs under a folder that were verified, with their budgets as they were asked for."""
    for path in sorted(folder.glob("**/own.json")):
        if (path.parent / "verify.json").exists():
            yield Run.open(path.parent).config.budgets[0].text, path.parent


@click.command(help=__doc__.partition("\n\n")[0] if __doc__ else None)
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.option("--only", multiple=True, default=("torch_pruning", "resolution", "nothing"), show_default=True,
              type=click.Choice(["torch_pruning", "resolution", "nothing"]), help="Which; may be given several times.")
def main(folder: Path, only: tuple[str, ...]) -> None:
    table: dict[str, dict[str, list[Row]]] = {}
    series: dict[str, Pruned] = {}
    for budget, path in finished(folder):
        for name, row in (own_rows(path) | rows_of(path, only, series, Silent())).items():
            table.setdefault(budget, {}).setdefault(name, []).append(row)
            click.echo(f"{path}: {name} {row}", err=True)
    for budget, networks in table.items():
        for name, rows in networks.items():
            click.echo(f"{budget:>5} {name:16s} {described(rows)}")


def described(rows: list[Row]) -> str:
    """The mean over seeds, its spread, and the mean latency."""
    known = [row for row in rows if "accuracy" in row]
    if not known:
        return str(rows[0]["skipped"])
    values = [100 * row["accuracy"] for row in known]
    spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
    over = sum(row["ms"] > row["limit"] for row in known if "limit" in row)
    said = f", {over} over budget" if any("limit" in row for row in known) else ""
    return (f"{statistics.mean(values):5.1f}{spread} % at {statistics.mean(row['ms'] for row in known):.4f} ms, "
            f"{len(known)} of {len(rows)} seeds{said}")


if __name__ == "__main__":
    main()
