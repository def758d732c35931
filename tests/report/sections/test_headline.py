from __future__ import annotations

from edgenas.report.sections.headline import headline

from ..runs import PHASES, Page


def macs_too(files):
    """A second budget, held while the first is missed."""
    decoding, verify = files["decoding.json"], files["verify.json"]
    decoding["budgets"].append({"metric": "macs", "limit": 2e6})
    decoding["models"]["macs"] = {"reachable": [1e5, 4e6], "margin": 0.0, "exact": True}
    rounds = [r[key] for r in decoding["rounds"] for key in ("predicted", "measured")]
    for row in [decoding["predicted"], *rounds]:
        row["macs"] = 1234567.0
    verify["budgets"][0].update(measured=0.4321, within=False)
    verify["budgets"].append({"metric": "macs", "limit": 2e6, "predicted": 1234567.0, "measured": 1234567.0,
                              "margin": 0.0, "within": True})
    verify["within"] = False


def test_a_finished_run(finished):
    page = Page(headline(finished))
    assert "latency_ms 0.3834 measured of 0.4 budget: held" in page.text
    assert "my photos on mock with mock" in page.text and "2026-01-02 03:04:05 UTC" in page.text
    assert "seed 7" in page.text
    assert {0.8125, 0.3834, 0.4, 52345 / 1024} <= page.values
    assert "not done" not in page.text


def test_every_budget_is_judged(make):
    page = Page(headline(make(*PHASES, edit=macs_too)))
    assert ("latency_ms 0.4321 measured of 0.4 budget: missed; "
            "macs 1,234,567 counted of 2,000,000 budget: held") in page.text
    assert ("p", {"class": "says bad"}) in page.tags


def test_before_verification_the_decoded_network_counts(make):
    page = Page(headline(make("search", "train")))
    assert "latency_ms 0.3812 measured of 0.4 budget before training" in page.text
    assert "not verified yet" in page.text and "held" not in page.text
    assert 0.825 in page.values
    assert all(f"{phase} not done" in page.text for phase in ("export", "verify", "baselines"))


def test_before_the_search_is_finished(make):
    page = Page(headline(make()))
    assert "No network has been found yet" in page.text
    assert "edgenas run --data './my photos' --latency-ms 0.4 --resume" in page.text
    assert "0.4 ms" in page.text and "search not done" in page.text


def test_a_share_stays_a_share_until_it_is_resolved(make):
    def edit(files):
        files["run.json"]["budgets"] = [{"metric": "macs", "value": 0.5, "is_share": True}]

    assert "Budget of macs50%of the largest network" in Page(headline(make(edit=edit))).text
