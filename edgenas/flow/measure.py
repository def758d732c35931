"""What exported networks cost, measured on the run's device or counted in the exported file."""

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
from edgenas.cost.operators import example_input, trace
from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.check.session import runtime_format
from edgenas.export.package.labelled import labelled
from edgenas.figure import PREDICTED
from edgenas.flow.manifest import longest_about
from edgenas.flow.run import Run
from edgenas.measure.job import Artifact
from edgenas.measure.measure import measure
from edgenas.measure.measurement import Measurement

CALIBRATION_IMAGES = 256
REPEATS = 3  # a figure that a budget hangs on is measured this often, each time in a new session
AGREEMENT = 0.05  # the sessions' relative spread from which more are made
MOST_REPEATS = 9


def costs(run: Run, networks: Mapping[str, nn.Module]) -> dict[str, dict[str, float]]:
    """What each network's exported file costs, for every metric that has a budget.

    A network that the profile knows is not measured again, so that the same run comes to the same architecture. There
    is no latency where the device cannot be measured.
    """
    metrics = [m for m in run.metrics if run.word(m) != PREDICTED]
    asked = [m for m in metrics if m == "latency_ms" or run.told(m)]
    signatures = {name: trace(network, run.space.input_shape).signature
                  for name, network in (networks if asked else {}).items()}
    unknown = [name for name, signature in signatures.items() if signature not in run.profile.decoded]
    filed = "flash_kib" in metrics and "flash_kib" not in asked
    with exported(run, networks if filed else {name: networks[name] for name in unknown}) as files:
        measure_decoded(run, {signatures[name]: files[name] for name in unknown})
        return {name: {metric: told(run, metric, run.profile.decoded[signatures[name]]) if metric in asked
                       else count(run, metric, network, files.get(name)) for metric in metrics}
                for name, network in networks.items()}


def costs_everywhere(run: Run, networks: Mapping[str, nn.Module]) -> dict[str, dict[str, float]]:
    """As `costs`, and on the further devices that budgets name."""
    found = costs(run, networks)
    for place, there in run.elsewhere.items():
        for name, row in costs(there, networks).items():
            found[name] |= {f"{metric}@{place}": cost for metric, cost in row.items()}
    return found


def told(run: Run, metric: str, measurements: Sequence[Measurement]) -> float:
    """A metric that the device, or who stands for it, tells of a file; of figures other than the latency, the largest.
    """
    if metric == "latency_ms":
        return figure(measurements, run.config.statistic)
    what = run.told(metric)
    assert what is not None
    return max(figure_of(m, what.figure, run.profile) for m in measurements)


@contextlib.contextmanager
def exported(run: Run, networks: Mapping[str, nn.Module], *, trained: bool = False) -> Iterator[dict[str, Path]]:
    """Files of the networks in the format and precision of the run's runtime, for as long as the context lasts.

    Where their size counts, they say what they are, as the trained network's will.
    """
    export, precision = exporter(runtime_format(run.config.runtime)), run.config.precision
    export = labelled(export, longest_about(run)) if "flash_kib" in run.metrics else export
    images = calibration(run) if networks and precision != "fp32" else None
    with tempfile.TemporaryDirectory(prefix="edgenas-") as folder:
        files = {name: Path(folder) / f"{i}{export.suffix}" for i, name in enumerate(networks)}
        example = example_input(run.space.input_shape)
        export.export([Export(network if trained else distinct(network), example, files[name], images)
                       for name, network in networks.items()], target=run.device.target, precision=precision)
        yield files


def calibration(run: Run) -> Tensor:
    """Training images (n, C, H, W), from which the ranges of an int8 file are taken."""
    return run.task.normalise(run.task.train.images[:CALIBRATION_IMAGES])


def distinct(network: nn.Module) -> nn.Module:
    """An untrained network as its file will be when trained: with biases that differ.

    The biases of fresh batch norms are all zero, and exporters store equal tensors once.
    """
    network = copy.deepcopy(network)
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.bias is not None:
            nn.init.normal_(module.bias, std=0.01)
    return network


def measure_decoded(run: Run, files: Mapping[str, Path]) -> None:
    """Measure exported networks, by signature, and keep that in the profile."""
    for signature, measurements in measure_files(run, files, run.config.runtime, label="a decoded network").items():
        run.profile.add_decoded(signature, measurements)


def measure_files(run: Run, files: Mapping[str, Path], runtime: str,
                  label: str = "") -> dict[str, list[Measurement]]:
    """REPEATS measurements of each file on the run's device: of all that were made, the lowest. label: what people call
    each of them, if not by its name.

    Another program on the device only ever adds time. So while a file's lowest REPEATS differ by more than
    AGREEMENT, it is measured again, up to MOST_REPEATS times.
    """
    found: dict[str, list[Measurement]] = {name: [] for name in files}
    due = dict.fromkeys(files, REPEATS)
    while due:
        artifacts = [Artifact(f"{name}#{i}", files[name], label)
                     for i in range(REPEATS) for name in due if i < due[name]]
        for result in measure(run.device, runtime, artifacts, threads=run.config.threads):
            found[result.id.rpartition("#")[0]].append(result)
        due = {name: 1 for name, made in found.items() if len(made) < MOST_REPEATS
               and spread(lowest(made, run.config.statistic), run.config.statistic) > AGREEMENT}
    return {name: lowest(made, run.config.statistic) for name, made in found.items()}


def lowest(made: Sequence[Measurement], statistic: str) -> list[Measurement]:
    return sorted(made, key=lambda m: m.latency_ms(statistic))[:REPEATS]


def figure(measurements: Sequence[Measurement], statistic: str) -> float:
    """The latency in ms that several measurements of one file stand for: their median."""
    return statistics.median(m.latency_ms(statistic) for m in measurements)


def spread(measurements: Sequence[Measurement], statistic: str) -> float:
    """How far they lie apart, relative to the smallest."""
    values = [m.latency_ms(statistic) for m in measurements]
    return max(values) / min(values) - 1


def count(run: Run, metric: str, network: nn.Module, file: Path | None) -> float:
    """A metric that needs no device: the file's size, or what follows from the operators of the whole network."""
    if metric == "flash_kib":
        assert file is not None
        return file.stat().st_size / 1024
    of = metric_of(metric).of
    assert of is not None
    return of(trace(network, run.space.input_shape), run.config.precision)
