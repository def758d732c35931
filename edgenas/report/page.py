"""The page as a whole."""

from __future__ import annotations

from pathlib import Path

from edgenas.files import write_text
from edgenas.flow.run import Run
from edgenas.report.contents import read
from edgenas.report.markup import Html, tag
from edgenas.report.plots import plotly
from edgenas.report.script import SCRIPT
from edgenas.report.sections.artifacts import artifacts
from edgenas.report.sections.cells import cells
from edgenas.report.sections.conditions import conditions
from edgenas.report.sections.cost import cost_models
from edgenas.report.sections.curves import curves
from edgenas.report.sections.funnel import funnel
from edgenas.report.sections.headline import headline
from edgenas.report.sections.network import network
from edgenas.report.sections.origin import origin
from edgenas.report.sections.plane import plane
from edgenas.report.sections.uncut import uncut
from edgenas.report.style import STYLE

NAME = "report.html"
SECTIONS = (headline, uncut, funnel, plane, network, cells, curves, artifacts, cost_models, conditions, origin)
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
"""The browser is told to load nothing from anywhere."""


def write_report(run: Run) -> Path:
    """Write `report.html` into the run's folder: one page that needs no network. Returns its path.

    Phases that have not been done are named, with the command that does them. Neither the data nor the device
    is touched.

    Raises: UsageError when plotly is missing or the page cannot be written; RunError for a damaged file.
    """
    _, javascript = plotly()
    contents = read(run)
    body = tag("main", *(part(contents) for part in SECTIONS))
    path = run.folder / NAME
    write_text(path, page(f"edgenas: {contents.config.data} on {contents.config.device}", body, javascript))
    return path


def page(title: str, body: Html, javascript: str) -> str:
    head = tag("head", Html('<meta charset="utf-8">'),
               Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
               Html(f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'),
               tag("title", title), tag("style", Html(STYLE)))
    scripts = tag("script", Html(javascript)) + tag("script", Html(SCRIPT))
    return f'<!doctype html>\n<html lang="en">{head}<body>{body}{scripts}</body></html>\n'
