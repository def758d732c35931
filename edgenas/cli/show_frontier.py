"""A user's own network at several budgets as a table."""

from __future__ import annotations

from edgenas.cli.output import say, table
from edgenas.flow.records import Accuracy, Frontier


def show_frontier(found: Frontier) -> None:
    heads = ["budget", "limit", found.metric, "known as", "validation", "test", "held", "run"]
    uncut = ["uncut", "", "" if found.uncut.cost is None else found.uncut.cost, found.uncut.provenance,
             *shares(found.uncut.accuracy), "", ""]
    table(f"{found.origin} at several budgets", heads, [uncut, *(
        [row.budget, row.limit or "", row.cost or "", row.provenance or "", *shares(row.accuracy),
         "yes" if row.within else "NO", row.run] for row in found.rows)])
    for row in found.rows:
        if row.error:
            say(f"{row.budget}: {row.error}")
    if found.floor is not None:
        chosen = next(row for row in found.rows if row.budget == found.chosen)
        say(f"least {found.metric} of those tried that holds a validation accuracy of {found.floor:.1%} "
            f"({found.validation_images} images): {chosen.cost:.4g}, {chosen.run}")
    say(f"runs: {found.folder}")


def shares(accuracy: Accuracy | None) -> list[str]:
    return [f"{accuracy.validation:.2%}", f"{accuracy.test:.2%}"] if accuracy else ["", ""]
