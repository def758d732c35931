"""The verify phase: every artifact on the device against the budgets, and on the test set against PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from edgenas.cost.budget import Budget, place_of
from edgenas.export.check.session import open_session
from edgenas.export.package import manifest
from edgenas.figure import PREDICTED, Figure, unit_of
from edgenas.flow.artifact import artifact_path, runnable_file
from edgenas.flow.export import default_formats, export_phase
from edgenas.flow.measure import count, exported, figure, measure_files, reported_cost, spread
from edgenas.flow.parity import HOST
from edgenas.flow.product import Product
from edgenas.flow.records import Decoding, Verdict, VerifiedArtifact, VerifiedBudget
from edgenas.flow.run import Run
from edgenas.flow.work import Work
from edgenas.progress import Progress


def verify_phase(work: Work, progress: Progress) -> Verdict:
    """Measure what was exported; writes and returns the verdict.

    The artifact of the run's own runtime and precision is the one that the budgets bind. Files compiled for another
    target are not run. Latency is the median of several measurements, each in a new session, by the run's statistic;
    `spread` says how far they lie apart, `clock` whether it is wall time or, where other programs made that longer, the
    processor's ("cpu").

    Raises: ExportError when an artifact is missing or was changed.
    """
    run = work.run
    known = manifest.read(run.artifacts) if (run.artifacts / manifest.NAME).exists() else None
    if known:
        manifest.verify_hashes(known, run.artifacts)
    product = work.product()
    document = known or export_phase(product, default_formats(run), progress)
    if not any(binds(run, a) for a in document.artifacts):
        document = export_phase(product, default_formats(run), progress)
    expected = product.expected()
    runnable = [a for a in document.artifacts if a.target == HOST]
    progress.start("verify", len(runnable))
    checked = []
    for artifact in runnable:
        checked.append(check(product, artifact, expected))
        progress.advance(f"{artifact.format} {artifact.precision}")
    gate = next(row for row, artifact in zip(checked, runnable, strict=True) if binds(run, artifact))
    there = further_costs(work, product.network)
    budgets = tuple(judge(work, product.network, budget, gate, there) for budget in run_budgets(work))
    verdict = Verdict(artifacts=tuple(checked), budgets=budgets, within=all(b.within for b in budgets),
                      statistic=run.config.statistic, runtime=run.config.runtime, precision=run.config.precision)
    verdict.write(run.folder)
    return verdict


def is_verified(run: Run) -> bool:
    """Whether the artifacts, as they are, were measured and held every budget."""
    verdict = Verdict.read(run.folder)
    runnable = {a.sha256 for a in manifest.read(run.artifacts).artifacts if a.target == HOST}
    return verdict is not None and verdict.within and {a.sha256 for a in verdict.artifacts} == runnable


def binds(run: Run, artifact: manifest.Artifact) -> bool:
    return (artifact.runtime, artifact.precision, artifact.target) == (run.config.runtime, run.config.precision, HOST)


def check(product: Product, artifact: manifest.Artifact, expected: Tensor) -> VerifiedArtifact:
    """One artifact: its predictions of the whole test set, and its latency where the device has its runtime."""
    with runnable_file(product.run, artifact) as file:
        return _check(product, artifact, file, expected)


def _check(product: Product, artifact: manifest.Artifact, file: Path, expected: Tensor) -> VerifiedArtifact:
    """file: what the artifact's runtime takes."""
    task, target = product.task, product.target
    found = open_session(file, artifact.runtime).predict(task.normalise(task.test.images).numpy())
    picks, labels = found.argmax(1), task.test.labels.numpy()
    checked = VerifiedArtifact(
        format=artifact.format, precision=artifact.precision, runtime=artifact.runtime,
        path=str(artifact_path(product.run, artifact)), bytes=artifact.bytes, sha256=artifact.sha256,
        model_bytes=file.stat().st_size, max_abs=float(np.abs(found - expected.numpy()).max()),
        agreement=float((picks == expected.argmax(1).numpy()).mean()),
        test_accuracy=float((picks == labels).mean()), test_images=len(labels), measured_latency_ms=None)
    if artifact.runtime not in target.device.runtimes or not target.is_measurable:
        return checked
    (measurements,) = measure_files(target, {artifact.path: file}, artifact.runtime).values()
    checked = checked.replaced(measured_latency_ms=figure(measurements, target.statistic),
                               spread=spread(measurements, target.statistic),
                               clock="cpu" if any(m.clock == "cpu" for m in measurements) else "wall")
    if artifact.runtime != target.runtime:
        return checked
    return checked.replaced(told={m: reported_cost(target, m, measurements)
                                  for m in target.metrics if target.reported(m)})


def further_costs(work: Work, network: nn.Module) -> dict[str, float]:
    """What the trained network costs on the further devices that budgets name, where these can be asked: its file in
    the format and precision of the runtime there."""
    found: dict[str, float] = {}
    for place, there in work.further.items():
        if there.latency_word == PREDICTED:
            continue
        with exported(work, {place: network}, place, trained=True) as files:
            (measurements,) = measure_files(there, files).values()
        found |= {f"{metric}@{place}": reported_cost(there, metric, measurements) for metric in there.metrics}
    return found


def run_budgets(work: Work) -> list[Budget]:
    """The budgets in figures, as they were when the architecture was found."""
    decoding = Decoding.read(work.run.folder)
    return list(decoding.budgets if decoding else work.budgets)


def judge(work: Work, network: nn.Module, budget: Budget, gate: VerifiedArtifact,
          there: Mapping[str, float]) -> VerifiedBudget:
    """Predicted and measured cost of the bound artifact, which `gate` is, against one budget. there: what it costs on
    further devices.

    Where the device cannot be measured, the latency is only predicted, and what holds is the prediction.
    """
    decoding, metric, word = Decoding.read(work.run.folder), budget.metric, work.word(budget.metric)
    predicted = decoding.predicted.get(metric) if decoding else None
    model = decoding.models.get(metric) if decoding else None
    cost = predicted if word == PREDICTED else cost_of(work, network, metric, gate, there)
    assert cost is not None
    found = VerifiedBudget.of(budget, predicted, Figure(cost, unit_of(metric), word), within=cost <= budget.limit)
    return found.replaced(margin=model.margin if model else None)


def cost_of(work: Work, network: nn.Module, metric: str, gate: VerifiedArtifact,
            there: Mapping[str, float]) -> float | None:
    """What was measured or counted of the bound artifact."""
    if place_of(metric):
        return there[metric]
    if metric == "latency_ms":
        return gate.measured_latency_ms
    if work.target.reported(metric):
        return gate.told[metric]
    if metric == "flash_kib" and gate.model_bytes is not None:
        return gate.model_bytes / 1024
    return count(metric, network, work.task.input_shape, work.target.precision, None)
