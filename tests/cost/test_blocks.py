from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgenas.cost.blocks import block_latencies, cross_validated
from edgenas.cost.kernels.features import table
from edgenas.cost.model import networks
from edgenas.cost.network import Network
from edgenas.cost.profile import Profile

from .benches import bench, plain_ms
from .nets import measured, mobile, twins


@pytest.fixture
def blocks() -> dict[str, Network]:
    return {n.signature: n for n in networks(mobile()).values() if n is not None}


def profile_of(blocks: dict[str, Network], path: Path, structures: bool = True) -> Profile:
    profile = bench(mobile(), path).profile
    for signature, network in blocks.items():
        profile.add_block(signature, measured(plain_ms(network)), network if structures else None)
    return profile


def test_measured_blocks_are_taken_as_they_are(blocks: dict[str, Network], tmp_path: Path) -> None:
    found = block_latencies(blocks, profile_of(blocks, tmp_path / "p.jsonl"), "p50")
    assert found.latency_ms == {s: pytest.approx(1.5 * plain_ms(n)) for s, n in blocks.items()}
    assert not found.doubt


def test_others_are_predicted_and_only_those_are_doubted(blocks: dict[str, Network], tmp_path: Path) -> None:
    profile = profile_of(blocks, tmp_path / "p.jsonl")
    lost = list(blocks)[3::5]
    for signature in lost:
        del profile.blocks[signature]
    found = block_latencies(blocks, profile, "median_of_minima")
    assert list(found.latency_ms) == list(blocks) and list(found.doubt) == lost
    assert [found.latency_ms[s] for s in lost] == pytest.approx([plain_ms(blocks[s]) for s in lost], rel=0.25)
    assert 0 < found.doubt[lost[0]] < 1


def test_blocks_of_other_spaces_help_where_their_operators_are_known(
        blocks: dict[str, Network], tmp_path: Path) -> None:
    profile = profile_of(blocks, tmp_path / "p.jsonl")
    lost = list(blocks)[1]
    del profile.blocks[lost]
    own = block_latencies({lost: blocks[lost]}, profile, "median_of_minima")
    assert own.latency_ms[lost] == pytest.approx(plain_ms(blocks[lost]), rel=0.25)
    foreign = next(n for n in networks(twins()).values() if n is not None)
    assert set(block_latencies({foreign.signature: foreign}, profile, "median_of_minima").doubt) == {foreign.signature}


def test_every_block_is_predicted_from_other_folds(blocks: dict[str, Network]) -> None:
    rows, times_ms = table(blocks.values()), np.array([plain_ms(n) for n in blocks.values()])
    before = cross_validated(rows, times_ms)
    times_ms[3] *= 10
    after = cross_validated(rows, times_ms)
    assert after[3] == pytest.approx(before[3])
    assert np.abs(after / before - 1).max() > 0.01
