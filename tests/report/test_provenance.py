"""A latency that nobody measured is called what it is on every part of the page."""

from __future__ import annotations

import pytest

from edgenas.report.sections.cost import cost_models
from edgenas.report.sections.funnel import funnel
from edgenas.report.sections.headline import headline
from edgenas.report.sections.rounds import rounds

from .runs import PHASES, Page


def published(files):
    decoding, verify = files["decoding.json"], files["verify.json"]
    decoding["models"]["latency_ms"].update(provenance="published", held_out=None)
    for entry in decoding["rounds"]:
        entry["measured"] = {}
    verify["budgets"][0].update(measured=None, provenance="predicted")
    verify["artifacts"][0]["measured_latency_ms"] = None


def estimated(files):
    decoding, verify = files["decoding.json"], files["verify.json"]
    decoding["models"]["latency_ms"]["provenance"] = "estimated"
    for entry in decoding["rounds"]:
        entry["estimated"], entry["measured"] = entry["measured"], {}
    verify["budgets"][0].update(measured=None, estimated=0.3834, provenance="estimated")


def test_published_blocks_make_a_prediction(make):
    run = make(*PHASES, edit=published)
    assert "latency_ms 0.3701 predicted of 0.4 budget: predicted from published latencies; not measured" in Page(
        headline(run)).text
    assert "published latencies, and not measured" in Page(cost_models(run)).text
    text = Page(rounds(run, run.decoding)).text
    assert "none was measured" in text and "exported and measured" not in text
    assert "trained and exported artifact" not in Page(funnel(run)).text


def test_an_estimate_is_called_one(make):
    run = make(*PHASES, edit=estimated)
    assert "latency_ms 0.3834 estimated of 0.4 budget: held" in Page(headline(run)).text
    text = Page(rounds(run, run.decoding)).text
    assert "exported and estimated" in text and "measured" not in text
    assert "estimated, trained and exported artifact" in Page(funnel(run)).text


@pytest.mark.parametrize("metric", ["measured", "predicted"])
def test_a_round_without_its_figure_is_damage_where_it_should_have_been_measured(make, metric):
    from edgenas.errors import RunError
    with pytest.raises(RunError, match="not every figure of latency_ms"):
        make("search", edit=lambda files: files["decoding.json"]["rounds"][0].update({metric: {}}))
