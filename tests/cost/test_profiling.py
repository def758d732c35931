"""With the `mock` device: its worker is a real process that reads the exported files; only its clock is virtual."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from edgenas.cost import bench
from edgenas.cost.latency import latency_model
from edgenas.cost.missing import missing_blocks, missing_networks
from edgenas.cost.model import exact_model, networks
from edgenas.cost.profile import Profile
from edgenas.cost.profiling import open_profile, profile_space
from edgenas.errors import ProfileError
from edgenas.measure import measure as measuring
from edgenas.measure.conditions import Conditions
from edgenas.measure.measurement import Measurement

from .conftest import DEVICE, Session


def keys(profile: Profile) -> Counter[tuple[str, str]]:
    records = [json.loads(line) for line in profile.path.read_text().splitlines()[1:]]
    return Counter((record["kind"], record["key"]) for record in records)


def test_all_blocks_and_networks_are_measured_and_identical_ones_once(session: Session) -> None:
    signatures = {n.signature for n in networks(session.space).values() if n is not None}
    assert set(session.profile.blocks) == signatures
    assert len(signatures) == 4  # stem, head and two candidates: the second choice is as the first
    assert len(session.profile.networks) == 7  # of 9: "skip" before or after the same candidate is the same network
    assert not missing_blocks(session.space, session.profile)
    assert not missing_networks(session.space, session.profile)


def test_what_was_measured_before_a_failure_is_kept_and_not_measured_again(session: Session) -> None:
    assert session.at_interruption == (2, 0)
    anchors = 2  # the first block again, with the blocks and with the networks
    assert session.remeasured == 2 + 7 + anchors
    assert keys(session.profile).pop(("check", next(iter(session.profile.blocks)))) == anchors
    assert {count for (kind, _), count in keys(session.profile).items() if kind != "check"} == {1}
    loaded = Profile.load(session.profile.path)
    assert (loaded.blocks, loaded.networks) == (session.profile.blocks, session.profile.networks)


def test_a_complete_profile_needs_no_device(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "measure", None)
    before = session.profile.digest
    profile_space(session.space, DEVICE, session.profile)
    assert session.profile.digest == before


def test_each_piece_of_work_is_reported_when_it_is_done(session: Session) -> None:
    assert session.done[:4] == ["stem", "second small", "second large", "head"]
    assert all(label.startswith("network ") for label in session.done[4:])
    assert len(session.done) == 4 + 7


def test_the_figures_are_those_of_the_device(session: Session) -> None:
    """The mock's own formula: 0.02 ms, 0.004 ms a node, MACs / 2e9 s."""
    parts = networks(session.space)
    for (_, _), network in parts.items():
        if network is not None:
            ms = session.profile.blocks[network.signature].latency_ms()
            nodes = (ms - 0.02 - network.macs / 2e6) / 0.004
            assert nodes == pytest.approx(round(nodes), abs=1e-3)
            assert len(network.operators) <= round(nodes) <= 2 * len(network.operators) + 1


def test_the_profile_makes_a_cost_model_that_orders_networks(session: Session) -> None:
    model, error = latency_model(session.space, session.profile, "median_of_minima")
    assert error.networks == 7
    assert error.spearman > 0.9
    assert error.mape < 0.1
    low, high = model.reachable
    measured = [n.measurement.latency_ms() for n in session.profile.networks.values()]
    assert (low, high) == pytest.approx((min(measured), max(measured)), rel=0.05)


def test_flash_is_predicted_near_the_size_of_the_exported_files(session: Session, tmp_path: Path) -> None:
    flash = exact_model(session.space, "flash_kib")
    networks_in_order = missing_networks(session.space, Profile(tmp_path / "none", session.profile.header)).values()
    predicted = [flash.predict(architecture) for architecture in networks_in_order]
    assert len(predicted) == len(session.bytes_of_networks) == 7
    assert predicted == pytest.approx([size / 1024 for size in session.bytes_of_networks], rel=0.25)


def test_only_what_is_missing_is_exported(session: Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    copy = Profile.load(session.profile.path)
    copy.path = tmp_path / "copy.jsonl"
    signature, (place, candidate) = next((s, key) for s, key in missing_blocks(
        session.space, Profile(copy.path, copy.header)).items() if key[1] == "large")
    del copy.blocks[signature]
    assert missing_blocks(session.space, copy) == {signature: (place, candidate)}
    asked: list[list[str]] = []

    def measured(modules: dict[str, Any], device: Any, profile: Profile,
                 **options: Any) -> list[tuple[str, Measurement]]:
        asked.append(list(modules))
        options["on_header"](Conditions("mock", "1", {"id": "m"}))
        first = next(iter(copy.blocks))
        return [(name, session.profile.blocks[first if name == bench.ANCHOR else name]) for name in modules]

    monkeypatch.setattr(bench, "measured", measured)
    done: list[str] = []
    profile_space(session.space, DEVICE, copy, on_done=done.append)
    assert asked == [[signature, bench.ANCHOR]]
    assert done == [f"{place} large"]
    assert copy.blocks[signature] == session.profile.blocks[signature]


def test_what_was_left_out_is_measured_only_when_asked_for(session: Session, tmp_path: Path) -> None:
    profile = Profile(tmp_path / "p.jsonl", session.profile.header)
    blocks, whole = missing_blocks(session.space, profile), missing_networks(session.space, profile)
    profile.left_out |= {*list(blocks)[1:], *list(whole)[2:]}
    assert list(missing_blocks(session.space, profile)) == list(blocks)[:1]
    assert list(missing_networks(session.space, profile)) == list(whole)[:2]
    assert missing_blocks(session.space, profile, left_out=True) == blocks
    assert missing_networks(session.space, profile, left_out=True) == whole


def test_a_profile_is_opened_again_or_renewed(tmp_path: Path) -> None:
    created = open_profile(DEVICE, "mock", folder=tmp_path)
    assert (created.header.device, created.header.runtime, created.header.threads) == ("mock", "mock", 1)
    assert created.path == tmp_path / "mock" / "mock-fp32-1t.jsonl"
    assert created.header.machine["id"]
    created.add_block("x", Measurement("x", 1, 1, 1, 1, 0, 0, 1, 1, True))
    assert list(open_profile(DEVICE, "mock", folder=tmp_path).blocks) == ["x"]
    assert open_profile(DEVICE, "mock", threads=2, folder=tmp_path).path != created.path
    assert not open_profile(DEVICE, "mock", folder=tmp_path, renew=True).blocks
    assert not open_profile(DEVICE, "mock", folder=tmp_path).blocks


@pytest.mark.parametrize("change", [{"runtime_version": "0"}, {"machine": {"id": "another"}}])
def test_a_profile_of_another_machine_or_version_is_refused_until_it_is_renewed(
        tmp_path: Path, change: dict[str, Any]) -> None:
    created = open_profile(DEVICE, "mock", folder=tmp_path)
    Profile.create(created.path, created.header.model_copy(update=change))
    with pytest.raises(ProfileError, match="is stale"):
        open_profile(DEVICE, "mock", folder=tmp_path)
    assert open_profile(DEVICE, "mock", folder=tmp_path, renew=True).header.runtime_version == "1"
    open_profile(DEVICE, "mock", folder=tmp_path)
