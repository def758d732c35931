from __future__ import annotations

from edgenas.report.sections.points import FOUND, HAND_MADE, RANDOM_ONES, points

from ..runs import PHASES


def test_the_found_network_comes_first_then_the_baselines(finished):
    shown = points(finished)
    assert [(p.kind, p.accuracy.test, p.cost) for p in shown] == [
        (FOUND, 0.825, 0.3834), (HAND_MADE, 0.775, 0.3911), (RANDOM_ONES, 0.7, 0.3654)]
    assert shown[1].about == "made by hand, width 0.75, depth 3, 1,234,567 MACs, 23,456 parameters"
    assert shown[2].about == "random, decoded under the same budgets, 1,111,111 MACs, 22,222 parameters"


def test_before_verification_the_decoded_networks_cost_is_taken(make):
    assert [p.cost for p in points(make("search", "train"))] == [0.3812]


def test_what_is_not_trained_is_left_out(make):
    def skip(files):
        files["baselines.json"]["random_1"] = {"skipped": "none held"}

    assert points(make("search")) == []
    assert [p.kind for p in points(make(*PHASES, edit=skip))] == [FOUND, HAND_MADE]
