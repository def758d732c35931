"""A profile's page: predicted against measured, for whole networks that the fit had not seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgenas.cost.heldout import Evaluation, Floats, HeldOut
from edgenas.figure import PREDICTED
from edgenas.files import write_text
from edgenas.flow.records.documents import Profiled
from edgenas.report.markup import Html, figure, listing, note, section, tag
from edgenas.report.page import page
from edgenas.report.plots import LIMIT, MEASURED, RANDOM, Trace, plot, plotly
from edgenas.report.units import percent

EXPLAINED = ("Each network was left out of the fit that predicts it, and of its interval. Bars: the 90% interval. "
             "On the line, the prediction is what was measured.")


def write_prediction(path: Path, report: Profiled, found: Evaluation) -> Path:
    """Write the page of a profile's report to `path`; returns it.

    Raises: UsageError when plotly is missing or the page cannot be written.
    """
    _, javascript = plotly()
    title = f"{report.device}, {report.runtime}"
    body = tag("main", tag("header", tag("h1", f"Latency predictions: {title}"),
                           note(f"Space {report.space} at {'x'.join(map(str, report.input_shape))}, "
                                f"{report.threads} thread(s). Profile: {report.profile}."), id="headline"),
               section("prediction", "Predicted against measured", legend(), drawing(found), note(EXPLAINED)),
               section("errors", "Errors", errors(report.held_out)))
    write_text(path, page(f"edgenas: {title}", body, javascript))
    return path


def drawing(found: Evaluation) -> Html:
    tested = found.tested
    measured = found.measured_ms[tested]
    both = [*measured, *found.predicted_ms[tested], *found.sum_ms[tested]]
    diagonal = {"type": "line", "x0": min(both), "y0": min(both), "x1": max(both), "y1": max(both), "layer": "below",
                "line": {"color": LIMIT, "width": 1, "dash": "dot"}}
    traces = [dots("plain sum of blocks", measured, found.sum_ms[tested], RANDOM),
              dots(PREDICTED, measured, found.predicted_ms[tested], MEASURED) | bars(found)]
    return plot(traces, title="Networks that the fit had not seen", x="measured latency in ms",
                y="predicted latency in ms", height=480, lines=[diagonal])


def dots(name: str, measured: Floats, predicted: Floats, colour: str) -> Trace:
    return {"x": measured.tolist(), "y": predicted.tolist(), "name": name, "mode": "markers",
            "marker": {"color": colour, "size": 8},
            "hovertemplate": f"{name} %{{y:.4g}} ms, measured %{{x:.4g}} ms<extra></extra>"}


def bars(found: Evaluation) -> Trace:
    ends = found.intervals()
    if ends is None:
        return {}
    low, high = ends
    predicted = found.predicted_ms[found.tested]
    return {"error_y": {"type": "data", "symmetric": False, "array": np.subtract(high, predicted).tolist(),
                        "arrayminus": np.subtract(predicted, low).tolist(), "color": MEASURED, "thickness": 1,
                        "width": 3}}


def legend() -> Html:
    return tag("div", *(tag("span", tag("span", class_="key circle", style=f"background:{colour}"), name)
                        for name, colour in ((PREDICTED, MEASURED), ("plain sum of blocks", RANDOM))),
               class_="legend")


def errors(held: HeldOut) -> Html:
    shares = [("within ±5%", held.within_5), ("within ±10%", held.within_10),
              ("inside the 90% interval", held.coverage)]
    return listing([("networks", figure(held.networks, str(held.networks))),
                    ("mean absolute error", percent(held.mape)),
                    *((name, figure(value, f"{value:.3f}"))
                      for name, value in (("Spearman", held.spearman), ("Kendall", held.kendall))),
                    *((name, percent(share, 0)) for name, share in shares if share is not None)])
