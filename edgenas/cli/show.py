"""A run's result as tables."""

from __future__ import annotations

import shlex

from edgenas.cli.output import say, table
from edgenas.figure import PREDICTED
from edgenas.flow.records import VerifiedBudget
from edgenas.flow.records.result import Before, Result
from edgenas.flow.run import Run
from edgenas.flow.specialise import result


def show_result(run: Run) -> None:
    found = result(run)
    table("architecture", ["choice", "candidate"], list(found.architecture.items()))
    table(f"budgets on {found.device} ({found.runtime}, {found.statistic})",
          ["metric", "limit", PREDICTED, "cost", "known as", "margin", "held"],
          [[b.metric, b.limit, b.predicted, b.cost, b.figure.provenance, "" if b.margin is None else f"{b.margin:.1%}",
            held(b)] for b in found.budgets])
    if any(b.figure.provenance == PREDICTED for b in found.budgets):
        say(f"predicted from published latencies of {found.device}'s blocks; not measured")
    if found.accuracy:
        table("accuracy in PyTorch", ["part", "accuracy"],
              [[part, f"{value:.2%}"] for part, value in found.accuracy.items()])
    if found.uncut is not None:
        table("before and after", ["", "before", "after"], before_and_after(found, found.uncut))
    if found.artifacts:
        table("artifacts, on the device and the whole test set",
              ["format", "precision", "runtime", "file", "KiB", "latency_ms", "spread", "accuracy",
               "agrees with PyTorch"],
              [[a.format, a.precision, a.runtime, a.path, a.bytes / 1024,
                a.measured_latency_ms if a.measured_latency_ms is not None else "not on this device",
                "" if a.spread is None else f"{a.spread:.1%}", f"{a.test_accuracy:.2%}", f"{a.agreement:.2%}"]
               for a in found.artifacts])
    say(f"run: {run.folder}")


def before_and_after(found: Result, uncut: Before) -> list[list[object]]:
    """A network of the user's own, and what was made of it, as far as it is known."""
    after = found.counted | {b.metric: b.cost for b in found.budgets}
    rows: list[list[object]] = [[metric, cost, after.get(metric, "")] for metric, cost in uncut.costs.items()]
    if found.accuracy:
        rows.insert(0, ["test accuracy", f"{uncut.accuracy.test:.2%}", f"{found.accuracy['test']:.2%}"])
    return rows


def show_all(run: Run) -> None:
    """The result, and what to do with it."""
    show_result(run)
    show_next(run)


def show_next(run: Run) -> None:
    """What a run made, and what one would type next."""
    page = run.folder / "report.html"
    say(f"made: {run.artifacts}" + (f", {page}" if page.exists() else ""))
    say("next:")
    for command, what in (("inspect", "what is in the files, and that nobody changed them"),
                          ("verify", "measure them again"),
                          (f"export --bundle {run.folder.name}.zip", "pack them to give away")):
        verb, _, options = command.partition(" ")
        say(f"  edgenas {verb} {shlex.quote(str(run.folder))}{' ' if options else ''}{options}    # {what}")


def held(budget: VerifiedBudget) -> str:
    """Whether a budget is held; where that is only a prediction, it says so."""
    if budget.figure.provenance == PREDICTED:
        return PREDICTED if budget.within else f"{PREDICTED} NOT"
    return "yes" if budget.within else "NO"
