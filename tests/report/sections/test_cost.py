from __future__ import annotations

from edgenas.report.sections.cost import cost_models

from ..runs import PHASES, Page
from .test_headline import macs_too


def test_held_out_errors(make):
    page = Page(cost_models(make("search")))
    assert page.figures == [(16, "16"), (0.0171, "1.71%"), (0.987, "0.987"), (0.875, "88%"),
                            (0.9375, "94%"), (0.8125, "81%"), (0.023, "2.30%")]
    assert "Predicted: the sum" in page.text


def test_figures_that_are_not_known_are_not_made_up(make):
    def edit(files):
        files["decoding.json"]["models"]["latency_ms"]["held_out"] |= {"coverage": None}

    page = Page(cost_models(make("search", edit=edit)))
    assert "interval" not in page.text


def test_exact_models_say_so(make):
    text = Page(cost_models(make(*PHASES, edit=macs_too))).text
    assert "macsExact: it follows from the network's operators" in text


def test_a_prediction_that_needs_no_measurement(make):
    def edit(files):
        del files["decoding.json"]["models"]["latency_ms"]["held_out"]

    page = Page(cost_models(make("search", edit=edit)))
    assert "Predicted from the operators" in page.text and page.values == {0.023}


def test_without_a_search(make):
    assert "The search is not finished" in Page(cost_models(make())).text
