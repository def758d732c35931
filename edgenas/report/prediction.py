"""A profile's page: predicted against measured, for whole networks that the fit had not seen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edgenas.cost.heldout import Evaluation, Floats
from edgenas.files import write_text
from edgenas.report.markup import Html, figure, listing, note, section, tag
from edgenas.report.page import page
from edgenas.report.plots import LIMIT, MEASURED, RANDOM, plot, plotly
from edgenas.report.units import percent

EXPLAINED = ("Each network was left out of the fit that predicts it, and of its interval. Bars: the 90% interval. "
             "On the line, the prediction is what was measured.")


def write_prediction(path: Path, document: Mapping[str, Any], found: Evaluation) -> Path:
    """Write the page of a profile's report (`profile_for`'s document) to `path`; returns it.

    Raises: UsageError when plotly is missing or the page cannot be written.
    """
    _, javascript = plotly()
    title = f"{document['device']}, {document['runtime']}"
    body = tag("main", tag("header", tag("h1", f"Latency predictions: {title}"),
                           note(f"Space {document['space']} at {'x'.join(map(str, document['input_shape']))}, "
                                f"{document['threads']} thread(s). Profile: {document['profile']}."), id="headline"),
               section("prediction", "Predicted against measured", legend(), drawing(found), note(EXPLAINED)),
               section("errors", "Errors", errors(document["held_out"])))
    write_text(path, page(f"edgenas: {title}", body, javascript))
    return path


def drawing(found: Evaluation) -> Html:
    tested = found.tested
    measured = found.measured_ms[tested]
    both = [*measured, *found.predicted_ms[tested], *found.sum_ms[tested]]
    diagonal = {"type": "line", "x0": min(both), "y0": min(both), "x1": max(both), "y1": max(both), "layer": "below",
                "line": {"color": LIMIT, "width": 1, "dash": "dot"}}
    traces = [dots("plain sum of blocks", measured, found.sum_ms[tested], RANDOM),
              dots("predicted", measured, found.predicted_ms[tested], MEASURED) | bars(found)]
    return plot(traces, title="Networks that the fit had not seen", x="measured latency in ms",
                y="predicted latency in ms", height=480, lines=[diagonal])


def dots(name: str, measured: Floats, predicted: Floats, colour: str) -> dict[str, Any]:
    return {"x": measured.tolist(), "y": predicted.tolist(), "name": name, "mode": "markers",
            "marker": {"color": colour, "size": 8},
            "hovertemplate": f"{name} %{{y:.4g}} ms, measured %{{x:.4g}} ms<extra></extra>"}


def bars(found: Evaluation) -> dict[str, Any]:
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
                        for name, colour in (("predicted", MEASURED), ("plain sum of blocks", RANDOM))),
               class_="legend")


def errors(held: Mapping[str, Any]) -> Html:
    shares = [("within ±5%", "within_5"), ("within ±10%", "within_10"), ("inside the 90% interval", "coverage")]
    return listing([("networks", figure(held["networks"], str(held["networks"]))),
                    ("mean absolute error", percent(held["mape"])),
                    *((name, figure(held[key], f"{held[key]:.3f}"))
                      for name, key in (("Spearman", "spearman"), ("Kendall", "kendall"))),
                    *((name, percent(held[key], 0)) for name, key in shares if held[key] is not None)])
