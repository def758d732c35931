"""What exported networks cost, measured on a target or counted in the exported file."""

from __future__ import annotations

import contextlib
import copy
import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from torch import Tensor, nn

from edgenas.cost.figures import figure_of
from edgenas.cost.metrics import metric_of
from edgenas.cost.network import example_input, trace
from edgenas.data import Task
from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.check.session import runtime_format
from edgenas.export.package.labelled import labelled
from edgenas.figure import PREDICTED
from edgenas.flow.manifest import longest_about
from edgenas.flow.target import Target
from edgenas.flow.work import Work
from edgenas.measure.job import Artifact
from edgenas.measure.measure import measure
from edgenas.measure.measurement import Measurement

CALIBRATION_IMAGES = 256
REPEATS = 3  # a figure that a budget hangs on is measured this often, each time in a new session
AGREEMENT = 0.05  # the sessions' relative spread from which more are made
MOST_REPEATS = 9


def costs(work: Work, networks: Mapping[str, nn.Module], place: str = "") -> dict[str, dict[str, float]]:
    """What each network's exported file costs on the run's target of that place, for every metric with a budget there.

    A network that the profile knows is not measured again, so that the same run comes to the same architecture. There
    is no latency where the device cannot be measured.
    """
    target, shape = work.targets[place], work.task.input_shape
    metrics = [m for m in target.metrics if target.word(m) != PREDICTED]
    asked = [m for m in metrics if m == "latency_ms" or target.reported(m)]
    signatures = {name: trace(network, shape).signature
                  for name, network in (networks if asked else {}).items()}
    unknown = [name for name, signature in signatures.items() if signature not in target.profile.decoded]
    filed = "flash_kib" in metrics and "flash_kib" not in asked
    with exported(work, networks if filed else {name: networks[name] for name in unknown}, place) as files:
        measure_decoded(target, {signatures[name]: files[name] for name in unknown})
        return {name: {metric: reported_cost(target, metric, target.profile.decoded[signatures[name]])
                       if metric in asked else count(metric, network, shape, target.precision, files.get(name))
                       for metric in metrics}
                for name, network in networks.items()}


def costs_everywhere(work: Work, networks: Mapping[str, nn.Module]) -> dict[str, dict[str, float]]:
    """As `costs`, and on the further devices that budgets name."""
    found = costs(work, networks)
    for place in work.further:
        for name, row in costs(work, networks, place).items():
            found[name] |= {f"{metric}@{place}": cost for metric, cost in row.items()}
    return found


def reported_cost(target: Target, metric: str, measurements: Sequence[Measurement]) -> float:
    """A metric that the device, or who stands for it, tells of a file; of figures other than the latency, the largest.
    """
    if metric == "latency_ms":
        return figure(measurements, target.statistic)
    what = target.reported(metric)
    assert what is not None
    return max(figure_of(m, what.figure, target.profile) for m in measurements)


@contextlib.contextmanager
def exported(work: Work, networks: Mapping[str, nn.Module], place: str = "", *,
             trained: bool = False) -> Iterator[dict[str, Path]]:
    """Files of the networks in the format and precision of a target's runtime, for as long as the context lasts.

    Where their size counts, they say what they are, as the trained network's will.
    """
    target, task = work.targets[place], work.task
    export, precision = exporter(runtime_format(target.runtime)), target.precision
    if "flash_kib" in target.metrics:
        export = labelled(export, longest_about(work.run, task, work.space.choices))
    images = calibration(task) if networks and precision != "fp32" else None
    with tempfile.TemporaryDirectory(prefix="edgenas-") as folder:
        files = {name: Path(folder) / f"{i}{export.suffix}" for i, name in enumerate(networks)}
        example = example_input(task.input_shape)
        export.export([Export(network if trained else distinct(network), example, files[name], images)
                       for name, network in networks.items()], target=target.device.target, precision=precision)
        yield files


def calibration(task: Task) -> Tensor:
    """Training images (n, C, H, W), from which the ranges of an int8 file are taken."""
    return task.normalise(task.train.images[:CALIBRATION_IMAGES])


def distinct(network: nn.Module) -> nn.Module:
    """An untrained network as its file will be when trained: with biases that differ.

    The biases of fresh batch norms are all zero, and exporters store equal tensors once.
    """
    network = copy.deepcopy(network)
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.bias is not None:
            nn.init.normal_(module.bias, std=0.01)
    return network


def measure_decoded(target: Target, files: Mapping[str, Path]) -> None:
    """Measure exported networks, by signature, and keep that in the profile."""
    for signature, measurements in measure_files(target, files, label="a decoded network").items():
        target.profile.add_decoded(signature, measurements)


def measure_files(target: Target, files: Mapping[str, Path], runtime: str | None = None,
                  label: str = "") -> dict[str, list[Measurement]]:
    """REPEATS measurements of each file on the target's device: of all that were made, the lowest.

    runtime: another of the device's than the target's. label: what people call each file, if not by its name.

    Another program on the device only ever adds time. So while a file's lowest REPEATS differ by more than
    AGREEMENT, it is measured again, up to MOST_REPEATS times.
    """
    found: dict[str, list[Measurement]] = {name: [] for name in files}
    due = dict.fromkeys(files, REPEATS)
    while due:
        artifacts = [Artifact(f"{name}#{i}", files[name], label)
                     for i in range(REPEATS) for name in due if i < due[name]]
        for result in measure(target.device, runtime or target.runtime, artifacts, threads=target.threads):
            found[result.id.rpartition("#")[0]].append(result)
        due = {name: 1 for name, made in found.items() if len(made) < MOST_REPEATS
               and spread(lowest(made, target.statistic), target.statistic) > AGREEMENT}
    return {name: lowest(made, target.statistic) for name, made in found.items()}


def lowest(made: Sequence[Measurement], statistic: str) -> list[Measurement]:
    return sorted(made, key=lambda m: m.latency_ms(statistic))[:REPEATS]


def figure(measurements: Sequence[Measurement], statistic: str) -> float:
    """The latency in ms that several measurements of one file stand for: their median."""
    return statistics.median(m.latency_ms(statistic) for m in measurements)


def spread(measurements: Sequence[Measurement], statistic: str) -> float:
    """How far they lie apart, relative to the smallest."""
    values = [m.latency_ms(statistic) for m in measurements]
    return max(values) / min(values) - 1


def count(metric: str, network: nn.Module, shape: tuple[int, int, int], precision: str, file: Path | None) -> float:
    """A metric that needs no device: the file's size, or what follows from the operators of the whole network."""
    if metric == "flash_kib":
        assert file is not None
        return file.stat().st_size / 1024
    of = metric_of(metric).of
    assert of is not None
    return of(trace(network, shape), precision)
