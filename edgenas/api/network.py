"""`edgenas.export` and `edgenas.predict`: any network as a file, and what any file costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgenas.api.tables import Table, joined, joined_html
from edgenas.errors import UsageError
from edgenas.figure import COUNTED, Figure
from edgenas.flow.requests import TargetRequest

if TYPE_CHECKING:
    from torch import Tensor, nn

    from edgenas.export.base import Exporter

RANDOM_INPUTS = 16


@dataclass(frozen=True)
class ExportedFile:
    """A file that was run, and compared with PyTorch on `inputs` inputs.

    max_abs: the largest difference of an output. agreement: the share of inputs whose largest output is the same.
    """

    path: Path
    format: str
    precision: str
    runtime: str
    bytes: int
    max_abs: float
    agreement: float
    inputs: int

    def _table(self) -> Table:
        return Table.of(f"{self.path}", ["format", "precision", "KiB", "largest difference", "agreement", "inputs"],
                        [[self.format, self.precision, self.bytes / 1024, f"{self.max_abs:.2g}",
                          f"{self.agreement:.1%}", self.inputs]])

    def __str__(self) -> str:
        return str(self._table())

    def _repr_html_(self) -> str:
        return self._table()._repr_html_()


@dataclass(frozen=True)
class Prediction:
    """What a file will cost, without running it. layers: name, kind, MACs and latency in ms (None: never profiled).

    not_counted: operators whose multiply-accumulates are not in `macs`, which is then a lower bound. warnings: why
    there is no interval.

    document: all of it, as `edgenas predict --json` prints it.
    """

    path: Path
    latency_ms: Figure
    macs: Figure
    params: Figure
    not_counted: tuple[str, ...]
    warnings: tuple[str, ...]
    layers: tuple[Mapping[str, Any], ...] = field(repr=False)
    document: Mapping[str, Any] = field(repr=False)

    def _tables(self) -> list[Table]:
        return [Table.of(f"{self.path} on {self.document['device']}", ["what", "value"], [
            ["latency", self.latency_ms], ["multiply-accumulates", self.macs], ["parameters", self.params]]),
            Table.of("layer by layer", ["layer", "kind", "MACs", "latency_ms"],
                     [[row["name"], row["kind"], row["macs"], row["latency_ms"]] for row in self.layers])]

    def __str__(self) -> str:
        return joined(self._tables())

    def _repr_html_(self) -> str:
        return joined_html(self._tables())


def predict(path: str | Path, *, device: str = "host", **more: Any) -> Prediction:
    """The latency of any ONNX file on a device whose operators were profiled, with its 90% interval, layer by layer.

    more: the other options of `edgenas predict` by their names: runtime, precision, threads, profiles.

    Example:
        >>> edgenas.predict("model.onnx", device="host").latency_ms.provenance      # doctest: +SKIP
        'predicted'

    Raises: UsageError for a file that cannot be read; ProfileError for a device without a profile of operators:
    `edgenas.profile("host", operators=200)`.
    """
    from edgenas.flow.predict import predict_file

    found = predict_file(Path(path), TargetRequest.of(device=device, **more))
    return Prediction(Path(path), found.latency_ms.figure, Figure(found.macs, "", COUNTED),
                      Figure(found.params, "", COUNTED), found.not_counted, found.latency_ms.no_interval,
                      tuple(layer.to_json() for layer in found.layers), found.to_json())


def export(network: nn.Module, example: Tensor, path: str | Path, *, format: str | None = None,
           precision: str = "fp32", calibration: Tensor | None = None, target: str = "host") -> ExportedFile:
    """Write a network as a file for a device's runtime, run the file, and compare it with PyTorch.

    example: (1, ...) float32, whose shape the file has. format: by the path's ending if not given. calibration:
    (n, ...) inputs as in use; int8 needs them, and the comparison uses them (of random inputs otherwise).

    Example:
        >>> made = edgenas.export(network, torch.randn(1, 3, 32, 32), "net.onnx")
        >>> made.agreement
        1.0

    Raises: ExportError, with the figures, for a file in float32 that does not compute what PyTorch computes, and for
    operators that the format cannot hold; the file is then removed. UsageError for a format or precision that there is
    not. In int8 the agreement is a figure of the result: what it costs in accuracy takes labelled data, which
    `edgenas export --from` has.
    """
    from edgenas.export.base import Export
    from edgenas.export.check.parity import gate, parity
    from edgenas.export.check.session import open_session
    from edgenas.flow.export import runtime_that_runs
    from edgenas.flow.parity import refused, runnable

    file = Path(path)
    exporter = exporter_for(file, format)
    exporter.check_precision(precision)
    runtime = runtime_that_runs(exporter.proof or exporter.format, precision)
    item = Export(network, example, file, calibration)
    exporter.export([item], target=target, precision=precision)
    with refused(file, exporter), runnable(exporter, item, target, precision) as run:
        found = parity(network, open_session(run, runtime).predict,
                       _random(example) if calibration is None else calibration)
        if precision == "fp32":
            gate(found)
    return ExportedFile(file, exporter.format, precision, runtime, file.stat().st_size, found.max_abs, found.agreement,
                        found.images)


def _random(example: Tensor) -> Tensor:
    """Inputs like the example, of which only the shape counts."""
    import torch

    return torch.randn(RANDOM_INPUTS, *example.shape[1:], generator=torch.Generator().manual_seed(0))


def exporter_for(file: Path, format: str | None) -> Exporter:
    """The exporter of that name, or of the only format whose files end so.

    Raises: UsageError when there is none, or there are several.
    """
    from edgenas.export import exporter, exporter_named, formats

    if format is not None:
        return exporter_named(format)
    fitting = [found for found in map(exporter, formats()) if file.name.endswith(found.suffix)]
    longest = max((len(found.suffix) for found in fitting), default=0)
    fitting = [found for found in fitting if len(found.suffix) == longest]
    if len(fitting) != 1:
        raise UsageError(f"the format of {file.name} does not follow from its name",
                         f"give format=, one of {', '.join(formats())}")
    return fitting[0]
