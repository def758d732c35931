from __future__ import annotations

import re
import sys

import pytest

from edgenas.errors import UsageError
from edgenas.report import plots
from edgenas.report.style import COLOURS

from .runs import Page


def test_missing_plotly_says_which_extra_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly", None)
    with pytest.raises(UsageError) as raised:
        plots.plotly()
    assert "plotly" in raised.value.message and 'pip install "edgenas[report]"' in raised.value.hint


def test_a_plot_keeps_its_values_and_titles():
    page = Page(plots.plot([{"x": [1, 2], "y": [0.25, 0.5]}], title='"Loss" <1>', x="epoch", y="share",
                           lines=[plots.Across(0.4, plots.LIMIT).shape]))
    spec = page.plots['"Loss" <1>']
    assert (spec["data"][0]["x"], spec["data"][0]["y"]) == ([1, 2], [0.25, 0.5])
    assert spec["layout"]["xaxis"]["title"]["text"] == "epoch"
    assert spec["layout"]["shapes"][0]["y0"] == 0.4


def test_plotly_refuses_what_it_does_not_know():
    with pytest.raises(ValueError, match="colour"):
        plots.plot([{"x": [1], "y": [1], "colour": "red"}], title="a", x="b", y="c")


def test_every_colour_of_the_plots_is_defined_in_light_and_dark():
    used = {value for value in vars(plots).values() if isinstance(value, str) and value.startswith("var(")}
    assert len(used) == 7
    for colour in used:
        name = colour.removeprefix("var(").removesuffix(")")
        assert len(re.findall(rf"{name}: #", COLOURS)) == 2
