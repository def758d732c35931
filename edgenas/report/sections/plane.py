"""Accuracy against cost: the found network beside what it must beat."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

from edgenas.report.contents import Contents
from edgenas.report.markup import Html, not_done, note, section, table, tag
from edgenas.report.plots import LIMIT, Trace, plot
from edgenas.report.points import FOUND, KINDS, Kind, Point, points
from edgenas.report.section import Section
from edgenas.report.units import amount, digits, percent, titled


def plane(run: Contents) -> Html:
    title = "Accuracy against cost"
    if run.decoding is None:
        return section("plane", title, not_done("The search is not finished"))
    shown = points(run)
    body = [legend(shown), drawing(run, shown), comparison(run, shown), note(how_known(run))] if shown else []
    return section("plane", title, *body, *missing(run))


def missing(run: Contents) -> list[Html]:
    said = [tag("p", f"{name} is missing: {baseline.skipped}", class_="missing")
            for name, baseline in run.baselines.items() if baseline.skipped]
    if run.training is None:
        said.append(not_done("The found network is not trained yet", run.command("train")))
    if not run.baselines:
        said.append(not_done("There is nothing to compare with yet; random networks and a MobileNetV2-like "
                             "one at the same budget", run.command("report", "--baselines")))
    return said


def drawing(run: Contents, shown: Sequence[Point]) -> Html:
    budget = run.budgets[0]
    line = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": budget.limit, "x1": budget.limit,
            "line": {"color": LIMIT, "width": 2}}
    label = {"x": budget.limit, "y": 1, "yref": "paper", "text": f"budget {digits(budget.limit)}",
             "showarrow": False, "xanchor": "right", "yanchor": "bottom", "font": {"color": LIMIT}}
    costs = [budget.limit, *(point.cost for point in shown)]
    room = 0.08 * (max(costs) - min(costs)) or 0.1 * budget.limit
    drawn = {kind: [point for point in shown if point.kind == kind] for kind in KINDS}
    traces = [dots(run, kind, those) for kind, those in drawn.items() if those]
    return plot(traces, title="Test accuracy and cost of each network",
                x=titled(budget.metric, run.known(budget.metric)), y="accuracy on the test part", height=360,
                lines=[line], annotations=[label], yaxis={"tickformat": ".1%"},
                margin={"t": 24, "b": 44, "l": 62, "r": 14},
                xaxis={"range": [min(costs) - room, max(costs) + room]})


def legend(shown: Sequence[Point]) -> Html:
    keys = [tag("span", tag("span", class_="key limit"), "budget")]
    for kind in reversed(KINDS):
        if any(point.kind == kind for point in shown):
            mark = tag("span", class_=f"key {kind.symbol}", style=f"background:{kind.colour}")
            keys.append(tag("span", mark, kind.name))
    return tag("div", *keys, class_="legend")


def dots(run: Contents, kind: Kind, shown: Sequence[Point]) -> Trace:
    bars = {"array": [standard_error(run, p) for p in shown], "color": kind.colour, "thickness": 1.2,
            "width": 5}
    return {"x": [p.cost for p in shown], "y": [p.accuracy.test for p in shown],
            "text": [p.name for p in shown], "name": kind.name, "mode": "markers",
            "error_y": bars if run.test_images else None,
            "marker": {"color": kind.colour, "symbol": kind.symbol, "size": kind.size},
            "hovertemplate": "%{text}: %{y:.2%} at %{x:.4g}<extra></extra>"}


def standard_error(run: Contents, point: Point) -> float:
    """Of an accuracy that was counted on the test images; 0 where their number is not known."""
    share, images = point.accuracy.test, run.test_images
    return sqrt(share * (1 - share) / images) if images else 0.0


def comparison(run: Contents, shown: Sequence[Point]) -> Html:
    metric = run.budgets[0].metric
    rows = [[tag("strong", p.name) if p.kind == FOUND else p.name, percent(p.accuracy.test),
             percent(p.accuracy.validation), amount(metric, p.cost), p.about] for p in shown]
    return table(["network", "test", "validation", f"{metric}, {run.known(metric)}", "what it is"], rows)


def how_known(run: Contents) -> str:
    """What a reader must know before comparing."""
    said = ["Accuracy in PyTorch."]
    if run.test_images:
        said.append(f"Bars: one standard error of an accuracy counted on {run.test_images:,} images.")
    if run.baselines:
        said.append("Cost of the baselines: of their exported files, before training.")
        if run.keeps:
            said.append("All of them began with the weights that they keep of the user's own network, and were trained "
                        "by the same schedule.")
            return " ".join(said)
        said.append("The baselines were trained from scratch with the same schedule, while the found network "
                    "started from the supernet's weights: their difference is not the architecture's alone."
                    if run.inherits else
                    "All of them, the found network too, were trained from scratch with the same schedule.")
        if run.config.distill:
            said.append(f"The found network also learned from a teacher ({run.config.distill}); the "
                        "baselines did not.")
    return " ".join(said)


SECTION = Section(40, plane)
