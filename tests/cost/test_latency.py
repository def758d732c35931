from __future__ import annotations

from pathlib import Path

import pytest

from edgenas.cost.calibration import Calibration
from edgenas.cost.latency import FEWEST_NETWORKS, latency_model
from edgenas.cost.model import blocks_of, networks
from edgenas.cost.profile import Header, Profile
from edgenas.errors import ProfileError
from edgenas.space import Architecture, Space

from .nets import draws, measured, mobile

PLANTED = Calibration(overhead_ms=0.03, scale=0.9, per_block_ms=-0.02)


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
