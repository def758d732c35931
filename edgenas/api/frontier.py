"""`edgenas.frontier`: one trained network of your own, made to fit several budgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgenas.api.run import Run, typed
from edgenas.api.tables import Table
from edgenas.errors import UsageError
from edgenas.figure import Figure
from edgenas.flow.requests import RunRequest, assigned, budget_texts
from edgenas.progress import Progress, Silent

if TYPE_CHECKING:
    from torch import nn

    from edgenas.flow.records import Accuracy
    from edgenas.flow.records import Frontier as Record


@dataclass(frozen=True)
class Point:
    """A network of a frontier. budget: as it was asked for, "uncut" for the network that was cut. cost: None where
    nothing was measured; accuracy: shares by part of the data, empty where nothing was trained. error: why no network
    holds that budget."""

    budget: str
    cost: Figure | None
    accuracy: Mapping[str, float]
    within: bool
    error: str | None = None


@dataclass(frozen=True)
class Frontier:
    """Points in order of their budgets, the uncut network first, and the run of each budget that was held.

    document: all of it, as `edgenas run --json` prints it.
    """

    folder: Path
    points: tuple[Point, ...]
    runs: Mapping[str, Run]
    document: Mapping[str, Any] = field(repr=False)

    @property
    def within(self) -> bool:
        """Whether every budget is held."""
        return all(point.within for point in self.points)

    def _table(self) -> Table:
        return Table.of(f"{self.folder}", ["budget", "cost", "validation", "test", "held"], [
            [p.budget, p.cost, *(f"{p.accuracy[part]:.1%}" if part in p.accuracy else "" for part in (
                "validation", "test")), "yes" if p.within else p.error or "NO"] for p in self.points])

    def __repr__(self) -> str:
        return str(self._table())

    def _repr_html_(self) -> str:
        return self._table()._repr_html_()


def frontier(network: nn.Module | str, *, data: str, latency_ms: Sequence[float | str], out: str | Path,
             device: str = "host", budgets: Mapping[str, float | str] | Sequence[str] = (),
             formats: Sequence[str] = (), baselines: bool = False, resume: bool = True,
             options: Mapping[str, Any] | None = None, progress: Progress | None = None, **more: Any) -> Frontier:
    """A trained network of your own, made to fit each of several latency budgets: what was profiled, what it would
    lose, and what it was taught are shared.

    network: a module, or what `--from` names: "net.py:build". latency_ms: figures, or shares such as "50%". The rest is
    as edgenas.specialise has it; each budget's run is in a folder of its own below `out`.

    Example:
        >>> found = edgenas.frontier(network, data="./photos", latency_ms=["75%", "50%", "25%"],
        ...                          out="runs/mine")                                         # doctest: +SKIP
        >>> found.runs["50%"].artifacts["onnx"].path                                          # doctest: +SKIP

    Raises: UsageError for what cannot be used, DeviceError, ExportError, StorageError; what was done until then is
    kept. A budget that no network holds is a point with an `error`.
    """
    from edgenas.api.report import specialise_and_report
    from edgenas.flow.frontier import run_frontier

    if isinstance(latency_ms, str) or len(latency_ms) < 2:
        raise UsageError(f"latency_ms={latency_ms!r} are no several budgets",
                         'latency_ms=["75%", "50%"], or edgenas.specialise for one')
    request = RunRequest.of(data=data, device=device, latency_ms=",".join(map(str, latency_ms)),
                            budgets=budget_texts(budgets), assignments=assigned(options or {}),
                            origin=named(network), **more)
    progress = progress or Silent()
    found = run_frontier(Path(out), request, partial(specialise_and_report, progress=progress, formats=formats,
                                                     baselines=baselines),
                         progress, command=typed(request, Path(out)), resume=resume)
    return opened(found)


def named(network: nn.Module | str) -> str:
    """What `--from` would name it."""
    if isinstance(network, str):
        return network
    from edgenas.flow.foreign_network import give

    return give(network)


def opened(found: Record) -> Frontier:
    """What frontier.json says, as Python has it."""
    from edgenas.flow.run import Run as Folder
    from edgenas.flow.work import Work

    uncut = Point("uncut", found.uncut.figure(found.metric),
                  shares(found.uncut.accuracy), True)
    points = [Point(row.budget, row.figure(found.metric), shares(row.accuracy), row.within,
                    row.error) for row in found.rows]
    runs = {row.budget: Run._of(Work(Folder.open(Path(row.run), trusted=True))) for row in found.rows if not row.error}
    return Frontier(Path(found.folder), (uncut, *points), runs, found.to_json())


def shares(accuracy: Accuracy | None) -> dict[str, float]:
    return accuracy.by_part if accuracy else {}
