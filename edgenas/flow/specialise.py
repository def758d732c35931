"""The whole flow, and what is said of a run when it is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgenas.cost.metrics import bare
from edgenas.flow.baselines import baselines_phase
from edgenas.flow.export import default_formats, export_phase, is_exported
from edgenas.flow.run import Run
from edgenas.flow.search import search_phase
from edgenas.flow.target import Target
from edgenas.flow.train import train_phase
from edgenas.flow.verify import is_verified, known_as, verify_phase
from edgenas.flow.work import Work
from edgenas.progress import Progress


def specialise(work: Work, progress: Progress, *, formats: Sequence[str] = (), baselines: bool = False) -> None:
    """Profile, search, train, export and verify; phases that are done are not done again.

    Raises: whatever stops any phase.
    """
    run = work.run
    search_phase(work, progress)
    train_phase(work, progress)
    wanted = list(formats) or default_formats(run)
    if not is_exported(run, wanted):
        export_phase(work.product(), wanted, progress)
    if not is_verified(run):
        verify_phase(work, progress)
    if baselines:
        baselines_phase(work, progress)


def result(run: Run) -> dict[str, Any]:
    """What is known of a run: the JSON document of `edgenas run` and `edgenas verify`, as far as phases are done."""
    decoding, trained, verdict = (run.read(f"{name}.json") or {} for name in ("decoding", "train", "verify"))
    target = Target.at(run.config)
    document: dict[str, Any] = {
        "run": str(run.folder), "device": target.device.name, "runtime": run.config.runtime,
        "strategy": run.config.strategy, "space": run.config.space, "space_options": run.config.space_options,
        "seed": run.config.seed,
        "statistic": run.config.statistic if target.is_measurable else "mean",
        "reachable": {metric: model["reachable"] for metric, model in decoding.get("models", {}).items()},
        "budgets": [word(b) for b in verdict.get("budgets", ())] or unverified(decoding),
        "architecture": dict(run.architecture) if decoding else {},
        "accuracy": trained.get("accuracy", {}),
        "artifacts": verdict.get("artifacts", []),
    }
    if own := run.read("own.json"):
        document["uncut"] = {"accuracy": own["accuracy"], "costs": own.get("before", {})}
        document["counted"] = own.get("after", {})
    return document


def word(budget: dict[str, Any]) -> dict[str, Any]:
    """A verified budget with the word for how its cost is known, which older runs do not have."""
    known = next(name for name in ("measured", "estimated", "predicted") if budget.get(name) is not None)
    return budget if budget.get("provenance") else budget | {"provenance": known}


def unverified(decoding: dict[str, Any]) -> list[dict[str, Any]]:
    """The budgets of a run whose trained artifact is not verified yet: measured figures are of the decoded network."""
    if not decoding:
        return []
    chosen = max((r for r in decoding["rounds"] if r["within"]),
                 key=lambda r: r["architecture"] == decoding["architecture"])
    return [{"metric": b["metric"], "limit": b["limit"], "predicted": decoding["predicted"][b["metric"]]}
            | known_as(*decoded_cost(chosen, b["metric"], decoding["models"].get(b["metric"], {}))) | {"within": True}
            for b in decoding["budgets"]]


def decoded_cost(entry: dict[str, Any], metric: str, model: dict[str, Any]) -> tuple[str, float]:
    """How the cost of a round's network is known, and what it is."""
    word = next(word for word in ("measured", "estimated", "predicted") if metric in entry.get(word, {}))
    counted = model.get("provenance", "counted" if bare(metric) != "latency_ms" else word) == "counted"
    return "counted" if counted else word, entry[word][metric]


def within_budget(run: Run) -> bool:
    """Whether the last verification found every budget held."""
    verdict = run.read("verify.json")
    return bool(verdict and verdict["within"])
