"""Plots: plotly figures as page elements that `script.SCRIPT` draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from edgenas.errors import missing_extra
from edgenas.report.markup import Html, tag

MEASURED, PREDICTED, LIMIT = "var(--measured)", "var(--predicted)", "var(--limit)"
RANDOM, HANDMADE, SOFT, RULE = "var(--random)", "var(--handmade)", "var(--soft)", "var(--rule)"
Trace = dict[str, object]
"""What a plot draws, by plotly's own names."""
FONT = "system-ui, -apple-system, Segoe UI, Roboto, Helvetica Neue, Arial, sans-serif"


def plotly() -> tuple[ModuleType, str]:
    """plotly's graph objects, and its JavaScript.

    Raises: UsageError when plotly is not installed.
    """
    try:
        from plotly import graph_objects
        from plotly.offline import get_plotlyjs
    except ImportError:
        raise missing_extra("plotly", "report") from None
    return graph_objects, get_plotlyjs()


def plot(traces: Sequence[Trace], *, title: str, x: str, y: str, height: int = 240,
         lines: Sequence[Trace] = (), **layout: Any) -> Html:
    """Scatter traces in the page's style. x, y: the axes' titles, with units. lines: plotly's shapes."""
    graph_objects, _ = plotly()
    axis = {"gridcolor": RULE, "linecolor": RULE, "zerolinecolor": RULE, "automargin": True,
            "fixedrange": True}
    drawn = graph_objects.Figure([graph_objects.Scatter(**trace) for trace in traces], {
        "template": "none", "height": height, "autosize": True, "dragmode": False, "hovermode": "closest",
        "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)", "shapes": list(lines),
        "font": {"family": FONT, "size": 12, "color": SOFT}, "margin": {"l": 62, "r": 14, "t": 10, "b": 44},
        "showlegend": False,
        "xaxis": axis | {"title": {"text": x}}, "yaxis": axis | {"title": {"text": y, "standoff": 8}},
    })
    drawn.update_layout(**layout)
    return tag("div", tag("h4", title), tag("div", class_="plot", role="img", aria_label=title,
                                            data_spec=drawn.to_json(), style=f"height:{height}px"))


@dataclass(frozen=True)
class Across:
    """A horizontal line over the whole width."""

    y: float
    colour: str
    dash: str = "solid"

    @property
    def shape(self) -> Trace:
        return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": self.y, "y1": self.y,
                "line": {"color": self.colour, "width": 2, "dash": self.dash}}
