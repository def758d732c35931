"""A page on a user's own network at several budgets: accuracy against what was measured."""

from __future__ import annotations

from math import sqrt
from pathlib import Path
from typing import Any
from urllib.parse import quote

from edgenas.errors import RunError
from edgenas.files import write_text
from edgenas.flow.records import Accuracy, Frontier, FrontierRow
from edgenas.report.markup import Html, note, section, table, tag
from edgenas.report.page import NAME, page
from edgenas.report.plots import HANDMADE, LIMIT, MEASURED, Across, plot, plotly
from edgenas.report.units import amount, percent, titled

CHECKED = "validation"


def is_frontier(folder: Path) -> bool:
    """Whether it is of several budgets, and no run by itself."""
    return (folder / Frontier.FILE).exists() and not (folder / "run.json").exists()


def write_frontier(folder: Path) -> Path:
    """Write `report.html` beside the runs of several budgets; returns its path.

    Raises: MissingExtra when plotly is not installed; RunError for a damaged file.
    """
    _, javascript = plotly()
    found = Frontier.read(folder)
    if found is None:
        raise RunError(f"there is no {Frontier.FILE} in {folder}",
                       "edgenas run --from net.py:build --latency-ms 75%,50%,25%")
    body = tag("main", tag("header", tag("h1", f"{found.origin} at {len(found.rows)} budgets"),
                           tag("p", found.folder, class_="about")), frontier(found))
    write_text(folder / NAME, page(f"edgenas: {found.origin} at several budgets", body, javascript))
    return folder / NAME


def frontier(found: Frontier) -> Html:
    title = "Accuracy against cost"
    return section("frontier", title, *([said(found)] if found.floor is not None else []), drawing(found),
                   table(["budget", f"{found.metric}, limit", f"{found.metric} of the file", "validation", "test",
                          "held", ""], rows(found)),
                   note(f"Accuracy in PyTorch, on {found.validation_images:,} validation and {found.test_images:,} "
                        "test images. Bars: one standard error. All networks are cut from the first row's, and trained "
                        "on by the same schedule."))


def said(found: Frontier) -> Html:
    chosen = next((row for row in found.rows if row.budget == found.chosen), None)
    asked = f"A validation accuracy of {found.floor:.1%} was asked for"
    if chosen is None or chosen.cost is None:
        return tag("p", f"{asked}: none of {len(found.rows)} networks holds it.", class_="says bad")
    return tag("p", f"{asked}: the cheapest of the networks that hold it costs ", amount(found.metric, chosen.cost),
               f", {chosen.provenance}.", class_="says good")


def rows(found: Frontier) -> list[list[str]]:
    uncut = found.uncut
    shown: list[list[str]] = [["uncut", "", "" if uncut.cost is None else amount(found.metric, uncut.cost),
                               percent(uncut.accuracy.validation), percent(uncut.accuracy.test), "", ""]]
    for row in found.rows:
        limit, cost = ("" if value is None else amount(found.metric, value) for value in (row.limit, row.cost))
        accuracy = [percent(row.accuracy.validation), percent(row.accuracy.test)] if row.accuracy else ["", ""]
        name = tag("strong", row.budget) if row.budget == found.chosen else row.budget
        shown.append([name, limit, cost, *accuracy, "yes" if row.within else row.error or "NO", link(found, row)])
    return shown


def link(found: Frontier, row: FrontierRow) -> Html:
    folder = Path(row.run).name
    return tag("a", "its report", href=f"{quote(folder)}/{NAME}") if row.accuracy else Html("")


def drawing(found: Frontier) -> Html:
    points = [(row.budget, row.cost, row.accuracy) for row in found.rows if row.cost is not None and row.accuracy]
    traces = [dots(found, points, MEASURED, "circle")] if points else []
    if found.uncut.cost is not None:
        traces.append(dots(found, [("uncut", found.uncut.cost, found.uncut.accuracy)], HANDMADE, "diamond"))
    part = CHECKED if found.floor is not None else "test"
    return plot(traces, title=f"Accuracy on the {part} part, and cost of each network's file",
                x=titled(found.metric, found.uncut.provenance), y=f"accuracy on the {part} part", height=360,
                lines=[Across(found.floor, LIMIT).shape] if found.floor is not None else [],
                yaxis={"tickformat": ".1%"})


def dots(found: Frontier, points: list[tuple[str, float, Accuracy]], colour: str, symbol: str) -> dict[str, Any]:
    images = found.validation_images if found.floor is not None else found.test_images
    shares = [accuracy.validation if found.floor is not None else accuracy.test for _, _, accuracy in points]
    errors = [sqrt(share * (1 - share) / images) if images else 0.0 for share in shares]
    return {"x": [cost for _, cost, _ in points], "y": shares, "text": [name for name, _, _ in points],
            "mode": "markers", "marker": {"color": colour, "symbol": symbol, "size": 10},
            "error_y": {"array": errors, "color": colour, "thickness": 1.2, "width": 5},
            "hovertemplate": "%{text}: %{y:.2%} at %{x:.4g}<extra></extra>"}
