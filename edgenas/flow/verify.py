"""The verify phase: every artifact on the device against the budgets, and on the test set against PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from edgenas.cost.budget import Budget, place_of
from edgenas.export.check.session import open_session
from edgenas.export.package import manifest
from edgenas.flow.artifact import artifact_path, runnable_file
from edgenas.flow.export import default_formats, export_phase
from edgenas.flow.measure import count, exported, figure, measure_files, spread, told
from edgenas.flow.parity import HOST
from edgenas.flow.product import Product
from edgenas.flow.run import Run
from edgenas.flow.work import Work
from edgenas.progress import Progress


def verify_phase(work: Work, progress: Progress) -> dict[str, Any]:
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
    there = elsewhere(work, product.network)
    budgets = [judge(work, product.network, budget, gate | {"elsewhere": there}) for budget in run_budgets(work)]
    verdict = {"artifacts": checked, "budgets": budgets, "within": all(b["within"] for b in budgets),
               "statistic": run.config.statistic, "runtime": run.config.runtime,
               "precision": run.config.precision}
    run.write("verify.json", verdict)
    return verdict


def is_verified(run: Run) -> bool:
    """Whether the artifacts, as they are, were measured and held every budget."""
    verdict = run.read("verify.json") or {"within": False}
    runnable = {a.sha256 for a in manifest.read(run.artifacts).artifacts if a.target == HOST}
    return bool(verdict["within"]) and {row["sha256"] for row in verdict["artifacts"]} == runnable


def binds(run: Run, artifact: manifest.Artifact) -> bool:
    return (artifact.runtime, artifact.precision, artifact.target) == (run.config.runtime, run.config.precision, HOST)


def check(product: Product, artifact: manifest.Artifact, expected: Tensor) -> dict[str, Any]:
    """One artifact: its predictions of the whole test set, and its latency where the device has its runtime."""
    with runnable_file(product.run, artifact) as file:
        return _check(product, artifact, file, expected)


def _check(product: Product, artifact: manifest.Artifact, file: Path, expected: Tensor) -> dict[str, Any]:
    """file: what the artifact's runtime takes."""
    task, target = product.task, product.target
    found = open_session(file, artifact.runtime).predict(task.normalise(task.test.images).numpy())
    picks, labels = found.argmax(1), task.test.labels.numpy()
    row: dict[str, Any] = {
        "format": artifact.format, "precision": artifact.precision, "runtime": artifact.runtime,
        "path": str(artifact_path(product.run, artifact)), "bytes": artifact.bytes, "sha256": artifact.sha256,
        "model_bytes": file.stat().st_size,
        "max_abs": float(np.abs(found - expected.numpy()).max()),
        "agreement": float((picks == expected.argmax(1).numpy()).mean()),
        "test_accuracy": float((picks == labels).mean()), "test_images": len(labels),
        "measured_latency_ms": None,
    }
    if artifact.runtime in target.device.runtimes and target.is_measurable:
        (measurements,) = measure_files(target, {artifact.path: file}, artifact.runtime).values()
        row["measured_latency_ms"] = figure(measurements, target.statistic)
        row["spread"] = spread(measurements, target.statistic)
        row["clock"] = "cpu" if any(m.clock == "cpu" for m in measurements) else "wall"
        if artifact.runtime == target.runtime:
            row["told"] = {m: told(target, m, measurements) for m in target.metrics if target.told(m)}
    return row


def elsewhere(work: Work, network: nn.Module) -> dict[str, float]:
    """What the trained network costs on the further devices that budgets name, where these can be asked: its file in
    the format and precision of the runtime there."""
    found: dict[str, float] = {}
    for place, there in work.further.items():
        if there.latency_word == "predicted":
            continue
        with exported(work, {place: network}, place, trained=True) as files:
            (measurements,) = measure_files(there, files).values()
        found |= {f"{metric}@{place}": told(there, metric, measurements) for metric in there.metrics}
    return found


def run_budgets(work: Work) -> list[Budget]:
    """The budgets in figures, as they were when the architecture was found."""
    decoding = work.run.read("decoding.json")
    return [Budget(b["metric"], b["limit"]) for b in decoding["budgets"]] if decoding else list(work.budgets)


def judge(work: Work, network: nn.Module, budget: Budget, gate: dict[str, Any]) -> dict[str, Any]:
    """Predicted and measured cost of the bound artifact, whose row `gate` is, against one budget.

    Where the device cannot be measured, the latency is only predicted, and what holds is the prediction.
    """
    decoding = work.run.read("decoding.json") or {"predicted": {}, "models": {}}
    predicted, word = decoding["predicted"].get(budget.metric), work.word(budget.metric)
    if place_of(budget.metric):
        cost = predicted if word == "predicted" else gate["elsewhere"][budget.metric]
    elif budget.metric == "latency_ms":
        cost = predicted if word == "predicted" else gate["measured_latency_ms"]
    elif work.target.told(budget.metric):
        cost = gate["told"][budget.metric]
    elif budget.metric == "flash_kib":
        cost = gate["model_bytes"] / 1024
    else:
        cost = count(budget.metric, network, work.task.input_shape, work.target.precision, None)
    return {"metric": budget.metric, "limit": budget.limit, "predicted": predicted} | known_as(word, cost) | {
        "margin": decoding["models"].get(budget.metric, {}).get("margin"), "within": cost <= budget.limit}


def known_as(word: str, cost: float) -> dict[str, Any]:
    """A cost and how it is known: it is called measured only if the exported file was measured, or counted in."""
    own = {word: cost} if word == "estimated" else {}
    return {"measured": cost if word in ("measured", "counted") else None, **own, "provenance": word}
