from __future__ import annotations

import pytest

from edgenas.report.plots import HANDMADE, LIMIT, MEASURED, RANDOM
from edgenas.report.sections.plane import plane

from ..runs import PHASES, Page


def drawn(page: Page) -> dict:
    (spec,) = page.plots.values()
    return spec


def test_every_network_is_a_point(finished):
    spec = drawn(Page(plane(finished)))
    points = {t["name"]: (t["x"], t["y"], t["marker"]["color"]) for t in spec["data"]}
    assert points == {"found network": ([0.3834], [0.825], MEASURED),
                      "MobileNetV2-like": ([0.3911], [0.775], HANDMADE),
                      "random networks": ([0.3654], [0.7], RANDOM)}
    assert spec["layout"]["xaxis"]["title"]["text"] == "latency_ms in ms, measured"


def test_error_bars_are_standard_errors_of_the_test_part(finished):
    found = next(t for t in drawn(Page(plane(finished)))["data"] if t["name"] == "found network")
    assert found["error_y"]["array"] == [pytest.approx((0.825 * 0.175 / 40) ** 0.5)]


def test_the_budget_is_a_vertical_line_in_view(finished):
    layout = drawn(Page(plane(finished)))["layout"]
    (line,) = layout["shapes"]
    assert line["x0"] == line["x1"] == 0.4 and line["line"]["color"] == LIMIT
    low, high = layout["xaxis"]["range"]
    assert low < 0.3654 and high > 0.4


def test_the_table_holds_the_files_figures(finished):
    assert {0.825, 0.85, 0.3834, 0.775, 0.8, 0.3911, 0.7, 0.75, 0.3654} <= Page(plane(finished)).values


@pytest.mark.parametrize(("change", "says"), [
    ({}, "while the found network started from the supernet's weights"),
    ({"inherit": False}, "the found network too, were trained from scratch"),
    ({"strategy": "random"}, "the found network too, were trained from scratch"),
    ({"distill": "supernet"}, "also learned from a teacher (supernet)"),
])
def test_how_the_networks_were_trained_is_said(make, change, says):
    assert says in Page(plane(make(*PHASES, edit=lambda files: files["run.json"].update(change)))).text


def test_without_baselines_the_command_that_adds_them(make):
    run = make("search", "train", "export", "verify")
    page = Page(plane(run))
    assert run.command("report", "--baselines") in page.text
    assert [t["name"] for t in drawn(page)["data"]] == ["found network"]
    assert "from scratch" not in page.text


def test_a_skipped_baseline_says_why(make):
    def skip(files):
        files["baselines.json"]["random_1"] = {"skipped": "none of 6 held"}

    assert "random_1 is missing: none of 6 held" in Page(plane(make(*PHASES, edit=skip))).text


def test_before_training_nothing_is_drawn(make):
    page = Page(plane(make("search")))
    assert not page.plots and "not trained yet" in page.text
    assert "The search is not finished" in Page(plane(make())).text
