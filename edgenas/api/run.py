"""`edgenas.specialise` and what it returns: a trained network, its files, and the verdict over its budgets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgenas.api.tables import Table, joined, joined_html
from edgenas.figure import MEASURED, PREDICTED, Figure, Provenance, unit_of
from edgenas.flow.requests import RunRequest, assigned, budget_texts
from edgenas.progress import Progress, Silent
from edgenas.space.architecture import Architecture

if TYPE_CHECKING:
    from torch import nn

    from edgenas.flow.records import VerifiedArtifact, VerifiedBudget
    from edgenas.flow.records.result import Result
    from edgenas.flow.work import Work
    from edgenas.measure.runtime import Precision


@dataclass(frozen=True)
class Held:
    """One budget and what the network costs. limit: in the metric's unit. predicted: before it was measured."""

    metric: str
    limit: float
    cost: Figure
    predicted: Figure | None
    within: bool


@dataclass(frozen=True)
class Verdict:
    """Whether every budget is held, and each of them."""

    within: bool
    budgets: tuple[Held, ...]


@dataclass(frozen=True)
class File:
    """An exported file, as it was verified. latency: None where the device does not run such files."""

    format: str
    precision: str
    runtime: str
    path: Path
    bytes: int
    latency: Figure | None
    test_accuracy: float
    agreement: float


class Run:
    """What one specialisation left in its folder; `edgenas.Run("runs/first")` opens it again.

    It prints itself. Each phase can be asked for again; one that is done is not done twice.

    Example:
        >>> run = edgenas.specialise("mobile", data="digits", device="mock", latency_ms="80%", out="runs/first",
        ...                          strategy="random", train_epochs=1, options={"space.width": 0.5})
        >>> run.verdict.within
        True
        >>> network = run.network                              # an ordinary torch.nn.Module
        >>> run.artifacts["onnx"].path.name
        'model.onnx'

    trusted: you vouch for the code that the run names, where it was not made by you on this machine.

    Raises: RunError when the folder holds no run of edgenas; TrustError, from what needs that code.
    """

    def __init__(self, folder: str | Path, *, trusted: bool = False) -> None:
        from edgenas.flow.run import Run as Folder

        self._run = Folder.open(Path(folder), trusted=trusted)

    @classmethod
    def _of(cls, work: Work) -> Run:
        made = cls.__new__(cls)
        made._run = work.run
        made._work = work
        return made

    @cached_property
    def _work(self) -> Work:
        from edgenas.flow.work import Work

        return Work(self._run)

    @property
    def folder(self) -> Path:
        return self._run.folder

    @property
    def network(self) -> nn.Module:
        """The trained network, on the CPU, in evaluation mode; it takes normalised images (n, C, H, W).

        Raises: RunError when it is not trained yet.
        """
        return self._work.network()

    @property
    def architecture(self) -> Architecture:
        """Raises: RunError when the search is not finished."""
        return self._work.architecture

    @property
    def accuracy(self) -> Mapping[str, float]:
        """Shares of right predictions by part of the data, in PyTorch; empty before the training is done."""
        return self._result.accuracy

    @property
    def verdict(self) -> Verdict:
        """Budgets as they were verified on the trained files; before that, as they were measured in the search."""
        budgets = tuple(_held(row) for row in self._result.budgets)
        return Verdict(bool(budgets) and all(b.within for b in budgets), budgets)

    @property
    def artifacts(self) -> Mapping[str, File]:
        """The verified files by format: `onnx`, or `onnx int8` beside one in float32."""
        found: dict[str, File] = {}
        for row in self._result.artifacts:
            found[row.format if row.precision == "fp32" else f"{row.format} {row.precision}"] = self._file(row)
        return found if any(" " not in name for name in found) else {n.split()[0]: f for n, f in found.items()}

    @property
    def report(self) -> Path | None:
        """The page `report.html`, if it was written."""
        path = self.folder / "report.html"
        return path if path.exists() else None

    def search(self, progress: Progress | None = None) -> Run:
        """Profile, search, and settle on an architecture whose exported file is measured within the budgets."""
        from edgenas.flow.search import search_phase

        search_phase(self._work, progress or Silent())
        return self

    def train(self, progress: Progress | None = None) -> Run:
        from edgenas.flow.train import train_phase

        train_phase(self._work, progress or Silent())
        return self

    def export(self, *formats: str, precision: Precision | None = None, progress: Progress | None = None) -> Run:
        """Write files, each of which is shown to compute what PyTorch computes. Raises: ExportError."""
        from dataclasses import replace

        from edgenas.flow.export import Asked, default_formats, export_phase

        asked = replace(Asked.of(self._run), precision=precision)
        export_phase(self._work.product(), formats or default_formats(self._run), progress or Silent(), asked)
        return self

    def verify(self, progress: Progress | None = None) -> Verdict:
        """Measure every file on the device against the budgets, and on the test part against PyTorch."""
        from edgenas.flow.verify import verify_phase

        verify_phase(self._work, progress or Silent())
        return self.verdict

    def write_report(self, *, baselines: bool = False, progress: Progress | None = None) -> Path:
        from edgenas.api.report import write_report

        return write_report(self._work, progress or Silent(), baselines=baselines)

    @property
    def _result(self) -> Result:
        from edgenas.flow.specialise import result

        return result(self._run)

    @cached_property
    def _latency_word(self) -> Provenance:
        from edgenas.flow.target import Target

        return self._work.target.latency_word if Target.at(self._run.config).is_profiled else MEASURED

    def _file(self, row: VerifiedArtifact) -> File:
        latency = row.measured_latency_ms
        return File(row.format, row.precision, row.runtime, Path(row.path), row.bytes,
                    None if latency is None else Figure(latency, "ms", self._latency_word), row.test_accuracy,
                    row.agreement)

    def _tables(self) -> list[Table]:
        found, verdict = self._result, self.verdict
        budgets = Table.of(f"{self.folder}: {found.space} on {found.device} ({found.runtime})",
                           ["budget", "limit", "cost", PREDICTED, "held"],
                           [[b.metric, b.limit, b.cost, b.predicted, "yes" if b.within else "NO"]
                            for b in verdict.budgets])
        files = Table.of("files, on the whole test part",
                         ["format", "precision", "KiB", "latency", "accuracy", "as PyTorch", "path"],
                         [[f.format, f.precision, f.bytes / 1024, f.latency, f"{f.test_accuracy:.1%}",
                           f"{f.agreement:.1%}", f.path] for f in self.artifacts.values()])
        return [budgets, *([files] if files.rows else [])]

    def __repr__(self) -> str:
        return joined(self._tables())

    def _repr_html_(self) -> str:
        return joined_html(self._tables())


def specialise(space: str | nn.Module = "mobile", *, data: str, out: str | Path, device: str = "host",
               latency_ms: float | str | None = None, budgets: Mapping[str, float | str] | Sequence[str] = (),
               formats: Sequence[str] = (), baselines: bool = False, resume: bool = True, tries: Sequence[str] = (),
               options: Mapping[str, Any] | None = None, progress: Progress | None = None, **more: Any) -> Run:
    """A network of `space`, found, trained, exported, and measured within the budgets on the device.

    space, data, device: as the command line takes them. space may also be a trained network of your own, which is cut
    to fit, as with `--from`; such a run can be gone on with where the same network is given again, while one of
    origin="net.py:build" builds it anew. latency_ms: a figure, or a share such as "50%" of the largest network's; in
    its place, min_accuracy=90 looks for the least latency at which a network of your own is right on 90% of the
    validation images, by runs below `out`, and returns the chosen one. budgets: further ones, `{"macs": 5e6,
    "latency_ms@pixel1": "50%"}`. options: what `--set` takes, `{"space.width": 0.5, "search.epochs": 10}`. more: the
    other options of `edgenas run` by their names (strategy, seed, image_size, precision, threads, …; see
    edgenas.flow.requests.RunRequest). resume: go on with the same run in that folder, where there is one. tries: what
    `--try` takes, ["space.width=1,1.5,2"] or ["image_size=64,48"], each a run below `out`, of which the best is
    returned. progress: hears how far it is; `edgenas.progress` says what it must have.

    Example:
        >>> run = edgenas.specialise(data="./photos", latency_ms="50%", out="runs/first")    # doctest: +SKIP
        >>> run = edgenas.specialise(network, data="./photos", latency_ms="50%", out="runs/mine")    # doctest: +SKIP

    Raises: UsageError for what cannot be used, BudgetError for a budget out of reach, DeviceError, ExportError,
    StorageError; what was done until then is kept in the folder.
    """
    from edgenas.api.report import specialise_and_report
    from edgenas.flow.tries import begin

    if not isinstance(space, str):
        from edgenas.flow.foreign_network import give

        more |= {"origin": give(space)}
        space = "mobile"
    request = RunRequest.of(
        space=space, data=data, device=device, latency_ms=None if latency_ms is None else str(latency_ms),
        budgets=budget_texts(budgets), assignments=assigned(options or {}), **more)
    finish = partial(specialise_and_report, formats=formats, baselines=baselines)
    if request.min_accuracy is not None and not tries:
        return _with_floor(request, Path(out), resume, progress or Silent(), finish)
    work = begin(Path(out), request, tries, progress or Silent(), command=typed(request, Path(out)), resume=resume)
    finish(work, progress or Silent())
    return Run._of(work)


def _with_floor(request: RunRequest, folder: Path, resume: bool, progress: Progress,
                finish: Callable[[Work, Progress], object]) -> Run:
    """The run that holds `min_accuracy` at the least latency of those tried below `folder`."""
    from edgenas.flow.floor import run_floor
    from edgenas.flow.run import Run as Folder
    from edgenas.flow.work import Work

    found = run_floor(folder, request, progress, command=typed(request, folder), resume=resume, finish=finish)
    chosen = next(row for row in found.rows if row.budget == found.chosen)
    return Run._of(Work(Folder.open(Path(chosen.run), trusted=True)))


def typed(request: RunRequest, folder: Path) -> tuple[str, ...]:
    """The command line that asks for the same."""
    return ("edgenas", "run", *_typed(request), "--out", str(folder))


def _typed(request: RunRequest) -> list[str]:
    """The command line that asks for the same, of what is not by default."""
    names = {"assignments": "set", "budgets": "budget", "origin": "from"}
    words: list[str] = []
    for name, value in request.options().items():
        if value == RunRequest.model_fields[name].get_default(call_default_factory=True):
            continue
        option = f"--{names.get(name, name).replace('_', '-')}"
        value = ",".join(map(str, value)) if name in ("mean", "std") else value
        for one in value if isinstance(value, tuple) else [value]:
            words += [option] if one is True else [option, str(one)]
    return words


def _held(row: VerifiedBudget) -> Held:
    unit = unit_of(row.metric)
    predicted = None if row.predicted is None else Figure(row.predicted, unit, PREDICTED)
    return Held(row.metric, row.limit, row.figure, predicted, row.within)
