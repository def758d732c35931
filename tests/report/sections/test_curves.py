from __future__ import annotations

import pytest

from edgenas.report.plots import LIMIT
from edgenas.report.sections.curves import curves

from ..runs import SEARCH, TRAIN, Page


def line(page: Page, title: str) -> list[float]:
    (trace,) = page.plots[title]["data"]
    assert trace["x"] == [1, 2, 3]
    return trace["y"]


def test_search_curves_are_the_history(make):
    page = Page(curves(make("search")))
    rows = SEARCH["history"]
    assert line(page, "Loss on training batches") == [row["loss"] for row in rows]
    assert line(page, "Accuracy on training batches") == [row["accuracy"] for row in rows]
    assert line(page, "Entropy of the choices") == [row["entropy"] for row in rows]
    states = [row["budgets"]["latency_ms"] for row in rows]
    assert line(page, "Expected latency_ms") == [state["expected"] for state in states]
    assert line(page, "Multiplier of latency_ms") == [state["multiplier"] for state in states]


def test_the_expected_cost_goes_with_target_and_budget(make):
    layout = Page(curves(make("search"))).plots["Expected latency_ms"]["layout"]
    assert [(s["y0"], s["y1"], s["line"]["color"]) for s in layout["shapes"]] == [(0.391, 0.391, LIMIT),
                                                                                (0.4, 0.4, LIMIT)]
    low, high = layout["yaxis"]["range"]
    assert low < 0.39 and high > 0.53


def test_a_search_that_found_no_network_still_has_curves(make):
    page = Page(curves(make("search", edit=lambda files: files.pop("decoding.json"))))
    assert [s["y0"] for s in page.plots["Expected latency_ms"]["layout"]["shapes"]] == [0.391]


def test_training_curves_are_the_history(finished):
    page = Page(curves(finished))
    assert line(page, "Training loss") == [row["loss"] for row in TRAIN["history"]]
    assert line(page, "Validation accuracy") == [0.6, 0.85, 0.85]
    assert "Epoch 2 was the best" in page.text and {0.85, 0.825} <= page.values
    assert "3.0 min" in page.text and "12 s" in page.text


@pytest.mark.parametrize(("inherit", "says"), [
    (True, "from the supernet's weights"), (False, "from scratch")])
def test_where_training_started(make, inherit, says):
    def edit(files):
        files["run.json"]["inherit"] = inherit

    assert f"3 epochs {says}" in Page(curves(make("search", "train", edit=edit))).text


def test_one_epoch_is_a_point_in_the_middle(make):
    def edit(files):
        files["train.json"]["history"] = [{"loss": 0.0, "validation": 0.5, "seconds": 1.0}]

    plots = Page(curves(make("search", "train", edit=edit))).plots
    assert plots["Validation accuracy"]["layout"]["yaxis"]["range"] == pytest.approx([0.45, 0.55])
    assert plots["Training loss"]["layout"]["yaxis"]["range"] == [-1, 1]


def test_a_strategy_without_a_supernet_has_no_curves(make):
    def edit(files):
        files["search.json"]["history"] = []
        files["run.json"]["strategy"] = "random"

    page = Page(curves(make("search", edit=edit)))
    assert "Strategy random trains no supernet" in page.text and not page.plots


def test_phases_that_are_not_done(make):
    page = Page(curves(make()))
    assert "The search is not finished." in page.text and "not trained yet." in page.text
    run = make("search")
    assert run.command("train") in Page(curves(run)).text
