from __future__ import annotations

from edgenas.report.sections.rounds import rounds

from ..runs import PHASES, Page
from .test_headline import macs_too


def test_every_round_with_its_verdict(finished):
    page = Page(rounds(finished, finished.decoding))
    assert [value for value, _ in page.figures] == [0.3912, 0.4123, 0.3745, 0.3812]
    first, second = page.text.split("0.4123 ms")[1].split("0.3745 ms")
    assert "103.1%" in first and "missed" in first and "differs in 2 places" in first
    assert "95.3%" in second and "held" in second and "taken" in second


def test_a_figure_too_near_the_limit_is_not_called_held_nor_missed(make):
    def edit(files):
        files["decoding.json"]["rounds"][0]["measured"]["latency_ms"] = 0.399

    run = make("search", edit=edit)
    text = Page(rounds(run, run.decoding)).text
    assert "too near" in text and "missed" not in text and "must stay 2% below" in text


def test_each_budget_has_its_columns(make):
    run = make(*PHASES, edit=macs_too)
    page = Page(rounds(run, run.decoding))
    assert "latency_ms predictedmeasuredof budgetmacs exactcountedof budget" in page.text
    assert len(page.figures) == 8


def test_trial_losses_are_shown_where_there_were_trials(make):
    def edit(files):
        files["decoding.json"]["rounds"][0] |= {"trial_loss": None, "trial_epochs": 2}
        files["decoding.json"]["rounds"][1] |= {"trial_loss": 1.2345, "trial_epochs": 4}

    plain, run = make("search"), make("search", edit=edit)
    text = Page(rounds(plain, plain.decoding)).text
    assert "trial loss" not in text and "the best-ranked was taken" in text
    text = Page(rounds(run, run.decoding)).text
    assert "1.234, epoch 4" in text and "diverged, epoch 2" in text
    assert "the half with the lower training loss" in text and "best-ranked" not in text
