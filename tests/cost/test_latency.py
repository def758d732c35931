from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgenas.cost.blocks import FEWEST_BLOCKS
from edgenas.cost.calibration import Calibration
from edgenas.cost.exact import exact_model
from edgenas.cost.kernels.features import kinds_of
from edgenas.cost.latency import FEWEST_NETWORKS, latency_model
from edgenas.cost.model import CostModel, blocks_of, networks
from edgenas.cost.network import Network
from edgenas.cost.profile import Header, Profile
from edgenas.errors import ProfileError
from edgenas.space import Architecture, Space

from .nets import draws, measured, mobile

PLANTED = Calibration(overhead_ms=0.03, scale=0.9, per_block_ms=-0.02)
HEADER = Header(device="host", runtime="mock", runtime_version="1", threads=1, machine={"id": "m"})


@pytest.fixture
def space() -> Space:
    return mobile()


def profile_of(space: Space, folder: Path, fit: Calibration, architectures: list[Architecture]) -> Profile:
    """As if every block took 0.05 to 0.5 ms and every network what `fit` says."""
    profile = Profile.create(folder / "p.jsonl", HEADER)
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
    assert (error.networks, model.margin) == (39, error.margin)  # one draw is the largest network
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
    lost = sorted(profile.blocks)[FEWEST_BLOCKS - 1:]
    for signature in lost:
        del profile.blocks[signature]
    with pytest.raises(ProfileError) as caught:
        latency_model(space, profile, "median_of_minima")
    assert f"{len(lost)} of the space's blocks are not in the profile" in caught.value.message
    assert f"{FEWEST_BLOCKS - 1} are, and predicting others takes at least {FEWEST_BLOCKS}" in caught.value.message
    assert repr(lost[0]) in caught.value.message
    assert caught.value.hint.startswith("edgenas profile --device host --runtime mock --threads 1")


def test_too_few_networks_are_refused_and_those_of_other_spaces_do_not_count(space: Space, tmp_path: Path) -> None:
    profile = profile_of(space, tmp_path, PLANTED, draws(space, FEWEST_NETWORKS - 1))
    profile.add_network("foreign", ("a block of another space",), measured(1.0))
    with pytest.raises(ProfileError, match=f"holds {FEWEST_NETWORKS - 1} whole networks of space 'mobile'"):
        latency_model(space, profile, "median_of_minima")
    profile.add_network("one more", blocks_of(space, draws(space, 9)[-1]), measured(1.0))
    assert latency_model(space, profile, "median_of_minima")[1].networks == FEWEST_NETWORKS


def noisy(space: Space, folder: Path, noise: float, seed: int, networks_seen: int = 24) -> Profile:
    """Blocks' latencies follow from their operators; networks' are their sum, with noise."""
    profile = Profile.create(folder / f"{seed}.jsonl", HEADER)
    for network in networks(space).values():
        if network is not None and network.signature not in profile.blocks:
            profile.add_block(network.signature, measured(truth_ms(network)), network)
    rng = np.random.default_rng(seed)
    for i, architecture in enumerate(draws(space, networks_seen, seed)):
        blocks = blocks_of(space, architecture)
        total = sum(profile.blocks[b].latency_ms() for b in blocks)
        profile.add_network(str(i), blocks, measured(total * float(np.exp(noise * rng.standard_normal()))))
    return profile


def truth_ms(network: Network) -> float:
    return 0.01 * len(network.operators) + network.macs / 1e6


def covered(space: Space, profile: Profile, noise: float, seed: int) -> list[bool]:
    """Whether the intervals of 40 fresh random networks hold their noisy latencies."""
    model, _ = latency_model(space, profile, "median_of_minima")
    rng = np.random.default_rng(1000 + seed)
    inside = []
    for architecture in draws(space, 40, 1000 + seed):
        true = {n.signature: truth_ms(n) for n in networks(space).values() if n is not None}
        exact = sum(true[b] for b in blocks_of(space, architecture))
        low, high = model.interval(architecture)
        assert low <= model.predict(architecture) <= high
        inside.append(low <= exact * float(np.exp(noise * rng.standard_normal())) <= high)
    return inside


def test_nine_of_ten_fresh_networks_lie_in_their_intervals(space: Space, tmp_path: Path) -> None:
    found = [hit for seed in range(10) for hit in covered(space, noisy(space, tmp_path, 0.03, seed), 0.03, seed)]
    assert 0.85 <= np.mean(found) <= 0.97


def test_less_noise_makes_narrower_intervals(space: Space, tmp_path: Path) -> None:
    bands = [latency_model(space, noisy(space, tmp_path, noise, seed), "median_of_minima")[0].band
             for seed, noise in enumerate((0.01, 0.05))]
    assert bands[0] and bands[1] and bands[0].above < bands[1].above / 2


def test_the_interval_is_for_another_session_and_predictions_are_not_moved_by_it(space: Space, tmp_path: Path) -> None:
    profile = noisy(space, tmp_path, 0.01, seed=0)
    before, one = latency_model(space, profile, "median_of_minima")[0], draws(space, 1)[0]
    for key, network in list(profile.networks.items()):
        profile.add_repeat(key, measured(1.1 * network.measurement.latency_ms()))
    after, error = latency_model(space, Profile.load(profile.path), "median_of_minima")
    assert after.predict(one) == before.predict(one)
    assert 0.07 < error.mape < 0.13 and after.margin > 0.1
    assert width(after, one) - 1 > 2 * (width(before, one) - 1)


def test_blocks_that_were_not_measured_are_predicted_with_wider_intervals_that_hold(
        space: Space, tmp_path: Path) -> None:
    found = []
    for seed in range(3):
        profile = noisy(space, tmp_path, 0.02, seed)
        full, _ = latency_model(space, profile, "median_of_minima")
        lost = [s for i, s in enumerate(profile.blocks) if i % 5 == 2]
        for signature in lost:
            del profile.blocks[signature]
        model, error = latency_model(space, profile, "median_of_minima")
        assert error.mape < 0.1
        found += covered(space, profile, 0.02, seed)
    assert np.mean(found) >= 0.85
    more = [a for a in draws(space, 40, 9) if sum(b in lost for b in blocks_of(space, a)) >= 2]
    fewer = [a for a in draws(space, 200, 9) if not any(b in lost for b in blocks_of(space, a))]
    assert more and fewer
    assert np.mean([width(model, a) for a in more]) > np.mean([width(model, a) for a in fewer])
    assert not full.fixed_doubt and not any(any(row.values()) for row in full.doubt.values())


def width(model: CostModel, architecture: Architecture) -> float:
    low, high = model.interval(architecture)
    return high / low


def test_a_kind_of_operator_that_was_never_measured_is_not_guessed(space: Space, tmp_path: Path) -> None:
    profile = noisy(space, tmp_path, 0.0, seed=0)
    for signature in [s for s, n in profile.structures.items() if "depthwise7" in kinds_of(n)]:
        del profile.blocks[signature]
    assert len(profile.blocks) >= FEWEST_BLOCKS
    with pytest.raises(ProfileError, match="none of the measured ones has a depthwise7 operator"):
        latency_model(space, profile, "median_of_minima")


def test_too_few_networks_for_an_interval_are_said_when_one_is_asked_for(space: Space, tmp_path: Path) -> None:
    profile = profile_of(space, tmp_path, PLANTED, draws(space, FEWEST_NETWORKS))
    model, error = latency_model(space, profile, "median_of_minima")
    assert (error.coverage, model.band) == (None, None)
    with pytest.raises(ProfileError, match="no interval of latency_ms is known"):
        model.interval(draws(space, 1)[0])


def test_a_corrected_model_keeps_its_relative_interval(space: Space, tmp_path: Path) -> None:
    model, _ = latency_model(space, noisy(space, tmp_path, 0.03, seed=0), "median_of_minima")
    one = draws(space, 1)[0]
    moved = model.corrected(one, 2 * model.predict(one))
    assert moved.interval(one) == pytest.approx(tuple(2 * end for end in model.interval(one)))


def test_exact_costs_have_no_interval_but_themselves(space: Space) -> None:
    macs, one = exact_model(space, "macs"), draws(space, 1)[0]
    assert macs.interval(one) == (macs.predict(one), macs.predict(one))
