from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgenas.cost.latency import (
    FEWEST_NETWORKS,
    MARGIN_QUANTILE,
    Calibration,
    Floats,
    blocks_of,
    fit_calibration,
    held_out,
    latency_model,
)
from edgenas.cost.model import networks
from edgenas.cost.profile import Header, Profile
from edgenas.errors import ProfileError
from edgenas.space import Architecture, Space

from .nets import draws, measured, mobile

PLANTED = Calibration(overhead_ms=0.03, scale=0.9, per_block_ms=-0.02)
LEAST = 0.05  # ms, the cheapest block of the planted networks


def planted(count: int, fit: Calibration, noise: float = 0.0, seed: int = 0) -> tuple[Floats, Floats, Floats]:
    """Sums of block latencies, block counts and measured latencies of made-up networks."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(4, 20, count).astype(float)
    sums = counts * rng.uniform(LEAST, 3 * LEAST, count)
    exact = fit.overhead_ms + fit.scale * sums + fit.per_block_ms * counts
    return sums, counts, exact * (1 + noise * rng.standard_normal(count))


def predictions(fit: Calibration, sums: Floats, counts: Floats) -> Floats:
    return np.asarray(fit.overhead_ms + fit.scale * sums + fit.per_block_ms * counts)


def test_the_plain_sum_of_blocks_is_found_exactly() -> None:
    fit = fit_calibration(*planted(16, Calibration(0.0, 1.0, 0.0)), LEAST)
    assert (fit.overhead_ms, fit.scale, fit.per_block_ms) == pytest.approx((0.0, 1.0, 0.0), abs=1e-9)


@pytest.mark.parametrize("fit", [
    PLANTED, Calibration(0.0, 1.0, 0.0), Calibration(0.2, 1.0, 0.0), Calibration(0.0, 0.7, 0.0),
    Calibration(0.0, 1.0, -0.03),
])
def test_planted_corrections_are_recovered_within_the_prior(fit: Calibration) -> None:
    sums, counts, measured_ms = planted(60, fit)
    found = fit_calibration(sums, counts, measured_ms, LEAST)
    assert found.scale == pytest.approx(fit.scale, abs=0.08)
    assert found.per_block_ms == pytest.approx(fit.per_block_ms, abs=0.01)
    assert found.overhead_ms == pytest.approx(fit.overhead_ms, abs=0.03)
    assert np.abs(predictions(found, sums, counts) / measured_ms - 1).max() < 0.05


def test_the_prior_yields_to_many_networks() -> None:
    errors = []
    for count in (20, 2000):
        found = fit_calibration(*planted(count, PLANTED), LEAST)
        errors.append(abs(found.scale - PLANTED.scale) + abs(found.per_block_ms - PLANTED.per_block_ms))
    assert errors[1] < errors[0] / 10


def test_errors_are_relative_so_that_small_networks_count_as_much_as_large_ones() -> None:
    sums = np.array([0.1] * 8 + [10.0] * 8)
    counts = np.linspace(3, 9, 16)
    measured_ms = np.where(sums < 1, 1.2, 1.0) * sums
    relative = predictions(fit_calibration(sums, counts, measured_ms, 0.001), sums, counts) / measured_ms - 1
    assert np.abs(relative[:8]).mean() < 0.1


@given(st.floats(0.8, 1.2), st.integers(0, 100))
@settings(deadline=None)
def test_networks_of_equal_block_count_leave_the_fit_near_the_plain_sum(scale: float, seed: int) -> None:
    """Overhead and cost per block cannot be told apart then: neither may run away from zero."""
    rng = np.random.default_rng(seed)
    sums = rng.uniform(0.8, 1.2, 16)
    counts = np.full(16, 12.0)
    found = fit_calibration(sums, counts, scale * sums * (1 + 0.01 * rng.standard_normal(16)), 0.04)
    assert abs(found.scale - 1) < 0.35
    assert abs(found.overhead_ms) < 0.15
    assert abs(found.per_block_ms) * 12 < 0.15


def test_held_out_error_is_nought_where_there_is_nothing_to_learn() -> None:
    error = held_out(*planted(16, Calibration(0.0, 1.0, 0.0)), LEAST)
    assert (error.networks, error.within_10) == (16, 1.0)
    assert error.spearman == pytest.approx(1.0)
    assert error.mape == pytest.approx(0.0, abs=1e-4)
    assert error.margin == pytest.approx(0.0, abs=1e-4)


def test_held_out_error_is_small_without_noise() -> None:
    error = held_out(*planted(60, PLANTED), LEAST)
    assert error.mape < 0.01
    assert error.margin < 0.02
    assert error.within_10 == 1.0


def test_held_out_is_the_error_on_each_network_left_out_in_turn() -> None:
    sums, counts, measured_ms = planted(12, PLANTED, noise=0.1)
    predicted = []
    for i in range(12):
        rest = [j for j in range(12) if j != i]
        fit = fit_calibration(sums[rest], counts[rest], measured_ms[rest], LEAST)
        predicted.append(fit.overhead_ms + fit.scale * sums[i] + fit.per_block_ms * counts[i])
    relative = np.array(predicted) / measured_ms - 1
    over = measured_ms / np.array(predicted) - 1
    error = held_out(sums, counts, measured_ms, LEAST)
    assert error.mape == pytest.approx(np.abs(relative).mean())
    assert error.within_10 == pytest.approx((np.abs(relative) <= 0.1).mean())
    assert 0 < error.within_10 < 1
    assert error.margin == pytest.approx(np.quantile(over, 0.9))
    assert error.spearman < 1


def test_a_network_predicted_at_the_limit_less_the_margin_mostly_holds_it() -> None:
    sums, counts, measured_ms = planted(3000, PLANTED, noise=0.05)
    error = held_out(sums[:1000], counts[:1000], measured_ms[:1000], LEAST)
    fit = fit_calibration(sums[:1000], counts[:1000], measured_ms[:1000], LEAST)
    over = measured_ms[1000:] / predictions(fit, sums[1000:], counts[1000:]) - 1
    assert (over <= error.margin).mean() == pytest.approx(MARGIN_QUANTILE, abs=0.03)


def test_the_margin_is_never_negative() -> None:
    sums, counts, measured_ms = planted(20, Calibration(0.0, 1.0, 0.0))
    measured_ms[0] *= 0.5
    assert held_out(sums, counts, measured_ms, LEAST).margin >= 0


@pytest.fixture
def space() -> Space:
    return mobile()


def profile_of(space: Space, folder: Path, fit: Calibration, architectures: list[Architecture]) -> Profile:
    """As if every block took 0.05 to 0.5 ms and every network what `fit` says."""
    profile = Profile.create(folder / "p.jsonl", Header(device="host", runtime="mock", runtime_version="1",
                                                        threads=1, machine={"id": "m"}))
    found = {n.signature for n in networks(space).values() if n is not None}
    for i, signature in enumerate(sorted(found)):
        profile.add_block(signature, measured(0.05 + 0.45 * i / len(found)))
    for i, architecture in enumerate(architectures):
        blocks = blocks_of(space, architecture)
        total = sum(profile.blocks[b].latency_ms() for b in blocks)
        profile.add_network(str(i), blocks, measured(
            fit.overhead_ms + fit.scale * total + fit.per_block_ms * len(blocks)))
    return profile


def test_blocks_of_a_network_are_those_it_executes_in_order(space: Space) -> None:
    architecture = draws(space, 1)[0]
    picks = dict(architecture) | {"stage1.block2": "skip"}
    signatures = {key: n.signature for key, n in networks(space).items() if n is not None}
    assert blocks_of(space, Architecture(picks)) == (
        signatures["stem", None], signatures["stage1.block1", picks["stage1.block1"]],
        signatures["stage2.block1", picks["stage2.block1"]],
        *([signatures["stage2.block2", picks["stage2.block2"]]] if picks["stage2.block2"] != "skip" else []),
        signatures["head", None])


def test_the_model_of_a_space_predicts_new_networks(space: Space, tmp_path: Path) -> None:
    profile = profile_of(space, tmp_path, PLANTED, draws(space, 40))
    model, error = latency_model(space, profile, "median_of_minima")
    assert (model.metric, model.combine, model.exact) == ("latency_ms", "sum", False)
    assert (error.networks, model.margin) == (40, error.margin)
    assert error.mape < 0.02
    for architecture in draws(space, 10, seed=1):
        blocks = blocks_of(space, architecture)
        truth = (PLANTED.overhead_ms + PLANTED.scale * sum(profile.blocks[b].latency_ms() for b in blocks)
                 + PLANTED.per_block_ms * len(blocks))
        assert model.predict(architecture) == pytest.approx(truth, rel=0.03)
        assert sum(model.shares(architecture).values()) == pytest.approx(model.predict(architecture))
    assert all(model.table[choice].get("skip", 0.0) == 0.0 for choice in model.table)


def test_no_block_is_predicted_to_cost_less_than_nothing(space: Space, tmp_path: Path) -> None:
    profile = profile_of(space, tmp_path, Calibration(0.5, 1.0, -0.09), draws(space, 40))
    model, _ = latency_model(space, profile, "median_of_minima")
    costs = [cost for row in (model.fixed_parts, *model.table.values()) for cost in row.values()]
    assert min(costs) == pytest.approx(0.0, abs=1e-3)
    assert min(costs) >= -1e-12
    assert len(set(costs)) > 10


def test_the_statistic_is_that_of_blocks_and_networks_alike(space: Space, tmp_path: Path) -> None:
    profile = profile_of(space, tmp_path, Calibration(0.0, 1.0, 0.0), draws(space, 16))
    models = {s: latency_model(space, profile, s)[0] for s in ("median_of_minima", "p90")}
    one = draws(space, 1)[0]
    assert models["p90"].predict(one) == pytest.approx(2 * models["median_of_minima"].predict(one))


def test_missing_blocks_are_named_with_the_command_that_measures_them(space: Space, tmp_path: Path) -> None:
    profile = profile_of(space, tmp_path, PLANTED, draws(space, 16))
    lost = sorted(profile.blocks)[3:5]
    for signature in lost:
        del profile.blocks[signature]
    with pytest.raises(ProfileError) as caught:
        latency_model(space, profile, "median_of_minima")
    assert "2 of the blocks of space 'mobile'" in caught.value.message
    assert repr(lost[0]) in caught.value.message
    assert caught.value.hint.startswith("edgenas profile --device host --runtime mock --threads 1")


def test_too_few_networks_are_refused_and_those_of_other_spaces_do_not_count(space: Space, tmp_path: Path) -> None:
    profile = profile_of(space, tmp_path, PLANTED, draws(space, FEWEST_NETWORKS - 1))
    profile.add_network("foreign", ("a block of another space",), measured(1.0))
    with pytest.raises(ProfileError, match=f"holds {FEWEST_NETWORKS - 1} whole networks of space 'mobile'"):
        latency_model(space, profile, "median_of_minima")
    profile.add_network("one more", blocks_of(space, draws(space, 9)[-1]), measured(1.0))
    assert latency_model(space, profile, "median_of_minima")[1].networks == FEWEST_NETWORKS
