from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgenas.cost.heldout import Evaluation
from edgenas.flow.records.documents import Profiled
from edgenas.report.prediction import drawing, write_prediction

from .runs import Page

HELD = {"networks": 12, "mape": 0.021, "spearman": 0.98, "kendall": 0.9, "within_5": 0.75, "within_10": 1.0,
        "coverage": 0.9166, "margin": 0.03}
REPORT = {"device": "board", "runtime": "litert", "space": "mobile <b>", "input_shape": [3, 32, 32], "threads": 2,
          "profile": "profiles/board/litert-fp32-2t.jsonl", "held_out": HELD, "runtime_version": "2",
          "precision": "fp32", "provenance": "measured", "machine": {}, "blocks": 9, "networks": 12, "transfer": None,
          "interval": None, "space_blocks": {"measured": 9, "predicted": 0}, "reachable": {"latency_ms": [1.0, 2.0]},
          "drift": {"checks": 0, "largest": None, "disagreed": 0}}


def evaluation(networks: int) -> Evaluation:
    measured_ms = np.arange(1.0, networks + 1)
    predicted = measured_ms * np.where(np.arange(networks) % 2, 1.1, 0.95)
    return Evaluation(measured_ms, 1.3 * measured_ms, np.zeros(networks), np.tile(predicted, (networks, 1)),
                      np.arange(networks) > 0)


def test_the_plot_shows_what_was_left_out_with_intervals_and_the_plain_sum() -> None:
    (spec,) = Page(drawing(evaluation(13))).plots.values()
    plain, predicted = spec["data"]
    assert plain["name"] == "plain sum of blocks" and plain["y"] == pytest.approx([1.3 * x for x in range(2, 14)])
    assert predicted["x"] == plain["x"] == list(range(2, 14))
    assert predicted["y"][:2] == pytest.approx([2.2, 2.85])
    bars = predicted["error_y"]
    assert all(up > 0 for up in bars["array"]) and all(down > 0 for down in bars["arrayminus"])
    assert spec["layout"]["shapes"][0]["x0"] == spec["layout"]["shapes"][0]["y0"]


def test_where_networks_are_too_few_there_are_no_bars() -> None:
    (spec,) = Page(drawing(evaluation(8))).plots.values()
    assert "array" not in spec["data"][1].get("error_y", {})


def test_the_page_stands_alone_and_names_what_it_is_of(tmp_path: Path) -> None:
    path = write_prediction(tmp_path / "board.html", Profiled.from_json(REPORT), evaluation(13))
    page = Page(path.read_text())
    assert "board, litert" in page.sections["headline"] and "mobile <b> at 3x32x32" in page.sections["headline"]
    assert {0.021, 0.98, 0.9, 0.75, 1.0, 0.9166, 12} <= page.values
    assert "left out" in page.sections["prediction"]
    assert not [values for name, values in page.tags if name in ("link", "img") or values.get("src")]


def test_coverage_that_is_not_known_is_left_out(tmp_path: Path) -> None:
    report = Profiled.from_json(REPORT | {"held_out": HELD | {"coverage": None}})
    page = Page(write_prediction(tmp_path / "board.html", report, evaluation(8)).read_text())
    assert "interval" not in page.sections["errors"]
