"""`edgenas.profile` and `edgenas.measure`: what a device costs networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgenas.api.tables import Table
from edgenas.errors import UsageError
from edgenas.figure import PREDICTED, Figure
from edgenas.flow.requests import ProfileRequest, assigned
from edgenas.measure.measurement import STATISTICS
from edgenas.progress import Progress, Silent

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class ProfileReport:
    """What was measured for a space, and how well latency is predicted from it.

    document: all of it, as `edgenas profile --json` prints it.
    """

    path: Path
    device: str
    runtime: str
    reachable: tuple[Figure, Figure]
    error: float
    document: Mapping[str, Any] = field(repr=False)

    def _table(self) -> Table:
        held, low, high = self.document["held_out"], *self.reachable
        return Table.of(f"profile of {self.device}, {self.runtime}", ["what", "value"], [
            ["networks of the space", f"from {low} to {high}"],
            ["mean absolute error, held out", f"{self.error:.1%} of {held['networks']} networks"],
            ["Spearman", held["spearman"]], ["file", self.path]])

    def __str__(self) -> str:
        return str(self._table())

    def _repr_html_(self) -> str:
        return self._table()._repr_html_()


def profile(device: str = "host", *, space: str = "mobile", data: str = "mnist", input_shape: Shape | None = None,
            classes: int = 10, options: Mapping[str, Any] | None = None, progress: Progress | None = None,
            **more: Any) -> ProfileReport:
    """Measure the blocks of a space on a device, and whole networks to calibrate their sum.

    input_shape: (channels, height, width) of the images, with `classes`; by default those of `data`. options: what
    `--set` takes, `{"space.width": 0.5}`. more: the other options of `edgenas profile` by their names (runtime,
    threads, precision, operators, renew, …; see edgenas.flow.requests.ProfileRequest). What was measured before is not
    measured again.

    Example:
        >>> report = edgenas.profile("mock", input_shape=(1, 8, 8), options={"space.width": 0.5, "space.depth": 1})
        >>> report.error < 0.01
        True

    Raises: UsageError, DataError, DeviceError, ExportError or StorageError; what was measured until then is kept.
    """
    from edgenas.api.report import write_predictions
    from edgenas.flow.profile import profile_one, shaped_space, space_of
    from edgenas.measure.device import load_device

    request = ProfileRequest.of(device=device, space=space, data=data, assignments=assigned(options or {}),
                                **more)
    if request.like is not None:
        raise UsageError("edgenas.profile measures a space; like is of no space",
                         f"edgenas profile --device {device} --like {request.like}")
    chosen = space_of(request) if input_shape is None else shaped_space(request, input_shape, classes)
    found = profile_one(chosen, load_device(device), request, progress or Silent(), write_predictions)
    low, high = (Figure(end, "ms", PREDICTED) for end in found.reachable["latency_ms"])
    return ProfileReport(Path(found.profile), found.device, found.runtime, (low, high), found.held_out.mape,
                         found.to_json())


def measure(path: str | Path, *, device: str = "host", runtime: str | None = None, threads: int | None = None,
            statistic: str = STATISTICS[0]) -> Figure:
    """The latency in ms of an exported file on a device, by the project's protocol of warm-ups and rounds.

    runtime: by default the device's first that takes such files. statistic: one of edgenas.measure.measurement's
    STATISTICS.

    Example:
        >>> latency = edgenas.measure("net.onnx", device="host")
        >>> latency.unit, latency.provenance
        ('ms', 'measured')

    Raises: UsageError for a file that no runtime of the device takes; DeviceError when it cannot be measured.
    """
    from edgenas.measure.device import load_device
    from edgenas.measure.job import Artifact
    from edgenas.measure.measure import measure as measurements
    from edgenas.measure.runtime import load_runtime

    file, target = Path(path), load_device(device)
    if not file.is_file():
        raise UsageError(f"there is no file {file}", "edgenas.export(network, example, path) writes one")
    chosen = runtime or runtime_for(file, target.runtimes)
    (found,) = measurements(target, chosen, [Artifact(file.name, file)], threads=threads)
    return Figure(found.latency_ms(statistic), "ms", load_runtime(chosen).provenance)


def runtime_for(file: Path, runtimes: tuple[str, ...]) -> str:
    """The first that takes files of that name. Raises: UsageError when none does."""
    from edgenas.measure.runtime import load_runtime

    for name in runtimes:
        if file.name.endswith(load_runtime(name).suffix):
            return name
    raise UsageError(f"no runtime of the device takes {file.name}; it has {', '.join(runtimes)}",
                     "export it in a format that one of them takes, or name another device")
