from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgenas.cost.figures import figure_model
from edgenas.cost.latency import FEWEST_NETWORKS
from edgenas.cost.model import blocks_of, networks
from edgenas.cost.profile import Header, Profile
from edgenas.errors import ProfileError
from edgenas.measure.runtime import Reported
from edgenas.space import Architecture, Space

from .nets import draws, measured, mobile

HEADER = Header(device="mcu", runtime="mock", runtime_version="1", threads=1, machine={"id": "m"})
MEMORY = Reported("arena_kib", "measured", "persistent_kib")
SIZE = Reported("file_kib", "counted")


@pytest.fixture
def space() -> Space:
    return mobile()


def shares(signature: str) -> tuple[float, float]:
    """What a block takes while it runs, and what lasts."""
    return 5.0 + len(signature) % 37, 2.0 + len(signature) % 5


def truth(blocks: tuple[str, ...]) -> dict[str, float]:
    """As in a microcontroller: what lasts is there for every block, less 0.75 that a network has once."""
    lasts = sum(shares(s)[1] - 0.75 for s in blocks) + 0.75
    return {"arena_kib": max(shares(s)[0] for s in blocks) + lasts, "persistent_kib": lasts, "file_kib": lasts,
            "sram_kib": max(shares(s)[0] for s in blocks)}


def profile_of(space: Space, folder: Path, architectures: list[Architecture]) -> Profile:
    profile = Profile.create(folder / "p.jsonl", HEADER)
    for network in networks(space).values():
        if network is not None and network.signature not in profile.blocks:
            profile.add_block(network.signature, replace(measured(1.0), figures=truth((network.signature,))))
    for i, architecture in enumerate(architectures):
        blocks = blocks_of(space, architecture)
        profile.add_network(str(i), blocks, replace(measured(1.0), figures=truth(blocks)))
    return profile


@pytest.mark.parametrize(("metric", "told"), [("peak_memory_kib", MEMORY), ("flash_kib", SIZE),
                                              ("sram_kib", Reported("sram_kib", "estimated"))])
def test_new_networks_are_predicted(space, tmp_path, metric, told):
    model = figure_model(space, profile_of(space, tmp_path, draws(space, 12)), metric, told)
    assert model.margin == pytest.approx(0, abs=1e-9) and not model.exact
    for architecture in draws(space, 10, seed=1):
        assert model.predict(architecture) == pytest.approx(truth(blocks_of(space, architecture))[told.figure])


def test_the_margin_is_how_far_networks_are_above_their_prediction(space, tmp_path):
    profile = profile_of(space, tmp_path, draws(space, 12))
    for key in list(profile.networks)[:4]:
        found = profile.networks[key]
        figures = {name: 1.2 * value for name, value in found.measurement.figures.items()}
        profile.add_network(key, found.blocks, replace(measured(1.0), figures=figures))
    assert figure_model(space, profile, "sram_kib", Reported("sram_kib", "estimated")).margin == pytest.approx(0.2)


def test_what_is_lacking_is_named(space, tmp_path):
    with pytest.raises(ProfileError, match=f"holds {FEWEST_NETWORKS - 1} whole networks of space .*flash_kib takes"):
        figure_model(space, profile_of(space, tmp_path, draws(space, FEWEST_NETWORKS - 1)), "flash_kib", SIZE)
    with pytest.raises(ProfileError, match="does not tell other_kib") as caught:
        figure_model(space, profile_of(space, tmp_path, draws(space, 12)), "flash_kib",
                     Reported("other_kib", "counted"))
    assert caught.value.hint.endswith("--renew")
    profile = Profile.create(tmp_path / "empty.jsonl", HEADER)
    with pytest.raises(ProfileError, match=r"sram_kib is not predicted from other blocks, and \d+ of the space's"):
        figure_model(space, profile, "sram_kib", MEMORY)
