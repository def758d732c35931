"""With the `mock` device: its worker is a real process that reads the exported files; only its clock is virtual."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from edgenas.cost import profiling
from edgenas.cost.drift import Drift, drift
from edgenas.cost.exact import exact_model
from edgenas.cost.latency import latency_model
from edgenas.cost.missing import missing_blocks, missing_networks, places
from edgenas.cost.model import networks
from edgenas.cost.profile import UNREAD, Profile
from edgenas.cost.profiling import CHUNK, Bench, is_repeated, open_profile, profile_space
from edgenas.errors import DeviceError, ProfileError
from edgenas.measure import measure as measuring
from edgenas.measure.conditions import Conditions
from edgenas.measure.device import load_device
from edgenas.measure.measurement import Measurement
from edgenas.space import Space

from .nets import measured as made
from .nets import twins

DEVICE = load_device("mock")


@dataclass
class Session:
    """A profile that was measured, interrupted and continued."""

    space: Space
    profile: Profile
    done: list[str]
    at_interruption: tuple[int, int]
    remeasured: int
    bytes_of_networks: list[int]


def failing_after(count: int) -> Any:
    """`measure`, but the device fails when it has given `count` measurements."""
    def measure(*args: Any, **options: Any) -> Iterator[Measurement]:
        nonlocal count
        for result in REAL(*args, **options):
            if count == 0:
                raise DeviceError("unplugged")
            count -= 1
            yield result
    return measure


REAL = measuring.measure


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    space, folder = twins(), tmp_path_factory.mktemp("profiles")
    done: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "measure", failing_after(2))
        with pytest.raises(DeviceError, match="unplugged"):
            profile_space(space, DEVICE, open_profile(DEVICE, "mock", folder=folder), on_done=done.append)
    kept = open_profile(DEVICE, "mock", folder=folder)
    at_interruption = len(kept.blocks), len(kept.networks)
    sizes: list[list[int]] = []

    def counting(device: Any, runtime: str, items: Sequence[measuring.Artifact], **options: Any) -> Any:
        sizes.append([item.path.stat().st_size for item in items])
        return REAL(device, runtime, items, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "measure", counting)
        profile_space(space, DEVICE, kept, on_done=done.append)
    return Session(space, kept, done, at_interruption, sum(map(len, sizes)), sizes[-1][:-1])


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
    copy.path, copy.read = tmp_path / "copy.jsonl", UNREAD
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
        return [(name, session.profile.blocks[first if name == profiling.ANCHOR else name]) for name in modules]

    monkeypatch.setattr(profiling, "measured", measured)
    done: list[str] = []
    profile_space(session.space, DEVICE, copy, on_done=done.append)
    assert asked == [[signature, profiling.ANCHOR]]
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


def scripted(monkeypatch: pytest.MonkeyPatch, result: Any) -> None:
    """The mock device, but every measurement is what `result(measurement, its number)` makes of it."""
    count = 0

    def measure(*args: Any, **options: Any) -> Iterator[Measurement]:
        nonlocal count
        for found in REAL(*args, **options):
            count += 1
            yield result(found, count)

    monkeypatch.setattr(measuring, "measure", measure)


def scaled(found: Measurement, factor: float, agreed: bool = True) -> Measurement:
    times = {name: getattr(found, name) * factor for name in ("min_ms", "median_of_minima_ms", "p50_ms", "p90_ms")}
    return replace(found, **times, agreed=agreed)


def test_a_device_that_becomes_slower_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(profiling, "CHUNK", 2)
    scripted(monkeypatch, lambda found, number: scaled(found, 1.0 if number <= 2 else 1.1))
    profile, said = open_profile(DEVICE, "mock", folder=tmp_path), list[str]()
    profile_space(twins(), DEVICE, profile, say=said.append)
    assert len(said) == 1 + 4  # one more chunk of blocks, four of networks
    assert "mock: the block that was measured first now takes +10.0%" in said[0] and "slower" in said[0]
    found = drift(Profile.load(profile.path), "median_of_minima")
    assert (found.checks, found.disagreed) == (5, 0)
    assert found.largest == pytest.approx(0.1)
    assert "load_average" in Profile.load(profile.path).checks[0].conditions


def test_a_passing_disturbance_is_not_taken_for_drift(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    last = 4 + 7 + 1  # the first block again, after the networks
    scripted(monkeypatch, lambda found, number: scaled(found, 1.3 if number == last else 1.0))
    profile, said = open_profile(DEVICE, "mock", folder=tmp_path), list[str]()
    profile_space(twins(), DEVICE, profile, say=said.append)
    assert not said
    assert drift(profile, "median_of_minima") == Drift(checks=1, largest=0.0, disagreed=0)


def test_a_steady_device_is_not_warned_of(session: Session) -> None:
    assert drift(session.profile, "median_of_minima") == Drift(checks=2, largest=0.0, disagreed=0)


def test_measurements_that_never_agreed_are_made_once_more_and_the_faster_is_kept(
        session: Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    factors = {2: 1.5, 3: 1.4, 5: 1.6, 6: 1.2}  # by the number of the measurement; 5 and 6 are the second tries
    scripted(monkeypatch, lambda found, number: scaled(found, factors.get(number, 1.0), number not in factors))
    profile, said = open_profile(DEVICE, "mock", folder=tmp_path), list[str]()
    profile_space(twins(), DEVICE, profile, say=said.append)
    assert "the rounds of 2 never agreed" in said[0]
    kept = [m.latency_ms() / session.profile.blocks[s].latency_ms() for s, m in profile.blocks.items()]
    assert kept == pytest.approx([1.0, 1.5, 1.2, 1.0], rel=1e-6)
    assert drift(profile, "median_of_minima").disagreed == 2


def test_the_time_of_exporting_and_of_measuring_is_told(tmp_path: Path) -> None:
    spent = profile_space(twins(), DEVICE, open_profile(DEVICE, "mock", folder=tmp_path))
    assert spent.modules == 4 + 7 + 1  # and the first block again
    assert spent.export > 0 and spent.measure > 0
    assert CHUNK > 4


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


@pytest.mark.parametrize(("precision", "calibrated"), [("fp32", False), ("int8", True)])
def test_files_are_exported_for_the_device_at_the_profile_s_precision(
        session: Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, precision: str, calibrated: bool) -> None:
    asked: list[dict[str, Any]] = []

    class Exporter:
        suffix = ".onnx"

        def export(self, items: list[Any], **options: Any) -> None:
            asked.append(options | {"calibration": [item.calibration is not None for item in items]})

    monkeypatch.setattr(profiling, "exporter", lambda name: Exporter())
    profile = Profile(tmp_path / "p.jsonl", session.profile.header.model_copy(update={"precision": precision}))
    device = DEVICE.model_copy(update={"target": "aarch64"})
    artifacts = profiling.exported([(nn.ReLU(), (1, 4, 4)), (nn.ReLU(), (2, 4, 4))], device, profile, tmp_path)
    assert asked == [{"target": "aarch64", "precision": precision, "calibration": [calibrated] * 2}]
    assert [(a.id, a.path.name) for a in artifacts] == [("0", "0.onnx"), ("1", "1.onnx")]


def test_what_is_exported_again_has_the_weights_it_had(session: Session) -> None:
    """A compiler that packs weights, as vela does, would otherwise find another latency each time."""
    bench = Bench(session.space, DEVICE, session.profile)
    signature, place = next(iter(places(session.space).items()))
    state = torch.get_rng_state()
    first, second = (bench._modules({signature: place})[signature][0].state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert torch.equal(state, torch.get_rng_state())


def test_where_time_is_real_networks_are_measured_in_two_sessions(
        session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not any(network.again for network in session.profile.networks.values())
    whole = dict(list(missing_networks(session.space, Profile(tmp_path / "none", session.profile.header)).items())[:2])
    monkeypatch.setattr(profiling, "is_repeated", lambda profile: True)
    done: list[str] = []
    for number, repeat in enumerate((True, False)):
        profile = Profile.create(tmp_path / f"{number}.jsonl", session.profile.header)
        Bench(session.space, DEVICE, profile, on_done=done.append).networks(whole, repeat=repeat)
        kept = Profile.load(profile.path)
        assert [network.again is not None for network in kept.networks.values()] == [repeat, repeat]
        assert len(done) == (profiling.steps(profile, (), whole) if repeat else 6)
        assert profile.digest == kept.digest


@pytest.mark.parametrize(("runtime", "provenance", "expected"), [
    ("onnxruntime", "measured", True), ("mock", "measured", False), ("vela", "estimated", False)])
def test_only_real_times_are_measured_twice(session: Session, runtime: str, provenance: str, expected: bool) -> None:
    header = session.profile.header.model_copy(update={"runtime": runtime, "provenance": provenance})
    assert is_repeated(Profile(session.profile.path, header)) is expected


def test_what_one_of_two_sessions_slowed_down_is_measured_a_third_time(
        session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = dict(list(missing_networks(session.space, Profile(tmp_path / "none", session.profile.header)).items())[:2])
    disturbed, steady = whole
    factors = {disturbed: iter((1.3, 1.02, 1.0)), steady: iter((1.01, 1.0))}

    def slowed(modules: Any, *args: Any, **options: Any) -> Iterator[tuple[str, Measurement]]:
        for name in modules:
            yield name, made(10 * next(factors[name]))

    monkeypatch.setattr(profiling, "is_repeated", lambda profile: True)
    monkeypatch.setattr(profiling, "measured", slowed)
    said: list[str] = []
    profile = Profile.create(tmp_path / "p.jsonl", session.profile.header)
    Bench(session.space, DEVICE, profile, say=said.append).networks(whole)
    times = {key: [m.latency_ms() for m in (n.measurement, n.again) if m]
             for key, n in Profile.load(profile.path).networks.items()}
    assert times == {disturbed: [10.0, 10.2], steady: [10.1, 10.0]}
    assert said == ["mock: two measurements of 1 networks lie apart; measuring a third time"]
