from __future__ import annotations

import re

import pytest

from edgenas.report.sections.network import network

from ..runs import Page


def boxes(html: str) -> list[tuple[str, float, str]]:
    """Of each layer: how it is drawn, the width of its colour in %, its text."""
    box = r'<li class="layer (\w+)"><div class="share" style="width:([\d.]+)%"></div>(.*?)</li>'
    found = re.findall(box, html)
    return [(kind, float(width), Page(text).text) for kind, width, text in found]


def test_each_layer_with_its_share(make):
    drawn = boxes(network(make("search")))
    assert [kind for kind, _, _ in drawn] == ["executed", "executed", "skipped", "overhead"]
    assert [width for _, width, _ in drawn] == pytest.approx([28.04, 100, 0, 20])
    assert drawn[1][2] == "stage1.block1mbconv_k5_e616x8x80.25 ms68%"
    assert drawn[2][2] == "stage1.block2skip16x8x8"
    assert drawn[3][2].startswith("overhead") and drawn[3][2].endswith("14%")


def test_the_layers_add_up_to_what_is_said(make):
    values = Page(network(make("search"))).values
    assert {0.0701, 0.25, 0.05} <= values
    assert any(value == pytest.approx(0.3701) for value in values)


def test_overhead_may_be_negative(make):
    def edit(files):
        files["decoding.json"]["layers"][-1]["predicted"]["latency_ms"] = -0.01

    kind, width, text = boxes(network(make("search", edit=edit)))[-1]
    assert (kind, width) == ("overhead", 0) and "-0.01 ms" in text and text.endswith("-3%")


def budgets(*metrics):
    def edit(files):
        decoding = files["decoding.json"]
        decoding["budgets"] = [{"metric": metric, "limit": 100.0} for metric in metrics]
        model = {"reachable": [1, 100], "margin": 0.0, "exact": True}
        decoding["models"] = dict.fromkeys(metrics, model)
        rows = [decoding["predicted"], *(r[k] for r in decoding["rounds"] for k in ("predicted", "measured"))]
        for row in rows:
            row.update(dict.fromkeys(metrics, 40.0))
        for layer, cost in zip(decoding["layers"][:3], (20.0, 40.0, 0.0), strict=True):
            layer["predicted"] = dict.fromkeys(metrics, cost)
        decoding["layers"][3]["predicted"] = {m: 4.0 for m in metrics if m != "peak_memory_kib"}
    return edit


def test_the_first_metric_that_sums_is_drawn(make):
    html = network(make("search", edit=budgets("peak_memory_kib", "macs")))
    assert "exact macs" in Page(html).text and len(boxes(html)) == 4


def test_a_maximum_is_compared_with_the_largest(make):
    html = network(make("search", edit=budgets("peak_memory_kib")))
    drawn = boxes(html)
    assert "the network's figure is the largest" in Page(html).text
    assert len(drawn) == 3 and drawn[0][2].endswith("20 KiB50%") and drawn[1][2].endswith("40 KiB100%")


def test_without_a_search(make):
    assert "The search is not finished" in Page(network(make())).text
