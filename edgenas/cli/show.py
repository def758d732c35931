"""A run's result as tables."""

from __future__ import annotations

import shlex
from typing import Any

from edgenas.cli.output import say, table
from edgenas.flow.run import Run
from edgenas.flow.specialise import result


def show_result(run: Run) -> None:
    document = result(run)
    table("architecture", ["choice", "candidate"], list(document["architecture"].items()))
    table(f"budgets on {document['device']} ({document['runtime']}, {document['statistic']})",
          ["metric", "limit", "predicted", "cost", "known as", "margin", "held"],
          [[b["metric"], b["limit"], b["predicted"], b[b["provenance"]] if b["measured"] is None else b["measured"],
            b["provenance"], f"{b['margin']:.1%}" if b.get("margin") is not None else "", held(b)]
           for b in document["budgets"]])
    if any(b["provenance"] == "predicted" for b in document["budgets"]):
        say(f"predicted from published latencies of {document['device']}'s blocks; not measured")
    if document["accuracy"]:
        table("accuracy in PyTorch", ["part", "accuracy"],
              [[part, f"{value:.2%}"] for part, value in document["accuracy"].items()])
    if "uncut" in document:
        table("before and after", ["", "before", "after"], before_and_after(document))
    if document["artifacts"]:
        table("artifacts, on the device and the whole test set",
              ["format", "precision", "runtime", "file", "KiB", "latency_ms", "spread", "accuracy",
               "agrees with PyTorch"],
              [[a["format"], a["precision"], a["runtime"], a["path"], a["bytes"] / 1024,
                a["measured_latency_ms"] if a["measured_latency_ms"] is not None else "not on this device",
                f"{a['spread']:.1%}" if "spread" in a else "", f"{a['test_accuracy']:.2%}", f"{a['agreement']:.2%}"]
               for a in document["artifacts"]])
    say(f"run: {run.folder}")


def before_and_after(document: dict[str, Any]) -> list[list[Any]]:
    """A network of the user's own, and what was made of it, as far as it is known."""
    uncut = document["uncut"]
    after = document["counted"] | {b["metric"]: b[b["provenance"]] if b["measured"] is None else b["measured"]
                                   for b in document["budgets"]}
    rows = [[metric, cost, after.get(metric, "")] for metric, cost in uncut["costs"].items()]
    if document["accuracy"]:
        rows.insert(0, ["test accuracy", *(f"{found['test']:.2%}" for found in (uncut["accuracy"],
                                                                               document["accuracy"]))])
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


def held(budget: dict[str, Any]) -> str:
    """Whether a budget is held; where that is only a prediction, it says so."""
    if budget["provenance"] == "predicted":
        return "predicted" if budget["within"] else "predicted NOT"
    return "yes" if budget["within"] else "NO"
