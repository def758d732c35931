from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgenas.cost.conformal import conformal
from edgenas.cost.heldout import (
    FEWEST_FOR_INTERVAL,
    MARGIN_QUANTILE,
    MOST_MARGIN,
    Evaluation,
    Floats,
    band,
    margin,
)
from edgenas.cost.latency import check_margin
from edgenas.cost.profile import Header, Profile
from edgenas.errors import ProfileError

from .nets import twins


def evaluated(ratio: Floats, doubt_ms: Floats | float = 0.0) -> Evaluation:
    """Networks of 1, 2, 3, ... ms, predicted `ratio` times as slow, whatever is left out."""
    measured_ms = np.arange(1.0, len(ratio) + 1)
    return Evaluation(measured_ms, sum_ms=measured_ms, doubt_ms=np.broadcast_to(doubt_ms, ratio.shape),
                      left_out=np.tile(measured_ms * ratio, (len(ratio), 1)), tested=np.ones(len(ratio), bool))


RATIOS = np.exp(0.1 * np.random.default_rng(0).standard_normal(20))


def test_the_report_is_of_the_networks_left_out() -> None:
    held = evaluated(RATIOS).held_out()
    assert held.networks == 20
    assert held.mape == pytest.approx(np.abs(RATIOS - 1).mean())
    assert held.within_10 == pytest.approx((np.abs(RATIOS - 1) <= 0.1).mean())
    assert 0 < held.within_5 < held.within_10 < 1
    assert held.spearman is not None and held.kendall is not None and 0.8 < held.kendall < held.spearman < 1
    assert held.coverage == pytest.approx(0.9, abs=0.051)
    assert held.margin == pytest.approx(np.quantile(1 / RATIOS - 1, MARGIN_QUANTILE))


@pytest.mark.parametrize(("margin", "fewer", "hint"), [
    (MOST_MARGIN, False, ""), (MOST_MARGIN + 0.01, False, "--renew, while nothing else keeps the device busy"),
    (1.29, True, "--precision fp32, which measures what is only predicted now")])
def test_a_model_that_is_too_far_off_is_refused_with_what_to_do(margin: float, fewer: bool, hint: str) -> None:
    held = replace(evaluated(RATIOS).held_out(), margin=margin)
    header = Header(device="host", runtime="onnxruntime", runtime_version="1", threads=1, machine={"id": "m"})
    profile = Profile(Path("host.jsonl"), header, left_out={"block"} if fewer else set())
    if not hint:
        check_margin(held, twins(), profile)
        return
    with pytest.raises(ProfileError, match=r"host.jsonl predicts networks of space 'twins' too badly: .* up to "
                       f"{margin:.0%} longer than predicted .*; at most 50% is accepted") as caught:
        check_margin(held, twins(), profile)
    assert caught.value.hint.startswith("edgenas profile --device host") and caught.value.hint.endswith(hint)


def test_networks_that_are_not_random_count_for_the_margin_alone() -> None:
    found = evaluated(RATIOS)
    found.tested[0] = False
    found.left_out[:, 0] /= 10
    assert found.held_out().networks == 19
    assert found.held_out().mape == pytest.approx(np.abs(RATIOS[1:] - 1).mean())
    assert band(found, session=0) == conformal(RATIOS[1:], np.ones(19))
    assert margin(found) > margin(evaluated(RATIOS))


def test_the_margin_is_never_negative() -> None:
    assert margin(evaluated(np.full(20, 1.5))) == 0


def test_without_predicted_blocks_the_band_is_the_conformal_one() -> None:
    assert band(evaluated(RATIOS), session=0) == conformal(RATIOS, np.ones(20))


def test_the_band_need_not_hold_what_the_predicted_blocks_explain() -> None:
    measured_ms = np.arange(1.0, 21)
    plain = band(evaluated(RATIOS), session=0)
    excused = band(evaluated(RATIOS, doubt_ms=0.05 * measured_ms * RATIOS), session=0)
    assert plain and excused and excused.above == pytest.approx(plain.above - 0.05)
    all_explained = band(evaluated(RATIOS, doubt_ms=2 * measured_ms), session=0)
    assert all_explained and all_explained.above == 0


def test_another_session_widens_the_band_in_quadrature() -> None:
    plain, wider = band(evaluated(RATIOS), session=0), band(evaluated(RATIOS), session=0.1)
    assert plain is not None and wider is not None
    assert wider.above == pytest.approx((plain.above**2 + 0.01) ** 0.5)
    assert band(evaluated(RATIOS)) == band(evaluated(RATIOS), session=0.005)


def test_too_few_networks_have_no_band() -> None:
    assert band(evaluated(RATIOS[:FEWEST_FOR_INTERVAL - 1])) is None
    assert band(evaluated(RATIOS[:FEWEST_FOR_INTERVAL])) is not None
    assert evaluated(RATIOS[:FEWEST_FOR_INTERVAL]).held_out().coverage is None  # eight others are too few


def test_each_interval_is_made_without_the_network_that_it_is_for() -> None:
    ratios = np.where(np.arange(20) == 7, 3.0, RATIOS)
    low, high = evaluated(ratios).intervals() or (None, None)
    assert low is not None and high is not None
    others = conformal(np.delete(ratios, 7), np.ones(19))
    assert (low[7], high[7]) == pytest.approx(others.of(8.0 * 3.0))
