from __future__ import annotations

import re

import pytest

from edgenas.report.sections.funnel import ROOM, funnel

from ..runs import PHASES, Page
from .test_headline import macs_too


def widths(html: str) -> list[float]:
    return [float(found) for found in re.findall(r"width:([\d.]+)%", html)]


def limits(html: str) -> set[float]:
    return {float(found) for found in re.findall(r"left:([\d.]+)%", html)}


def test_budget_predicted_decoded_verified(finished):
    html = funnel(finished)
    page = Page(html)
    assert {0.4, 0.3701, 0.3812, 0.3834, 0.023, 0.11, 0.97} <= page.values
    shares = [100 * value / (ROOM * 0.4) for value in (0.3701, 0.3812, 0.3834)]
    assert widths(html) == pytest.approx(shares, abs=0.001)
    assert limits(html) == {round(100 / ROOM, 3)}
    assert "not verified" not in page.text


def test_what_the_search_aimed_at(finished):
    assert any(value == pytest.approx(0.4 / 1.023) for value in Page(funnel(finished)).values)


def test_an_unverified_run(make):
    run = make("search", "train")
    page = Page(funnel(run))
    assert "not verified" in page.text and run.command("verify") in page.text
    assert widths(funnel(run))[-1] == 0


def test_a_missed_budget_stands_out_and_fits(make):
    html = funnel(make(*PHASES, edit=macs_too))
    assert "108.0%" in Page(html).text
    assert '<span class="share missed">108.0%</span>' in html
    assert max(widths(html)) < 100


def test_exact_figures_are_not_called_predicted(make):
    page = Page(funnel(make(*PHASES, edit=macs_too)))
    assert "counted, trained and exported artifact" in page.text and "exact, from the operators" in page.text


def test_without_a_search(make):
    assert "The search is not finished" in Page(funnel(make())).text
