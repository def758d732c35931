"""What is measured once more: drift, disturbances, second sessions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from edgenas.cost import bench
from edgenas.cost.bench import Bench, is_repeated, steps
from edgenas.cost.drift import Drift, drift
from edgenas.cost.missing import missing_networks, places
from edgenas.cost.profile import Profile
from edgenas.cost.profiling import open_profile, profile_space
from edgenas.measure import measure as measuring
from edgenas.measure.measurement import Measurement

from .conftest import DEVICE, REAL, Session
from .nets import measured as made
from .nets import twins


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
    monkeypatch.setattr(bench, "CHUNK", 2)
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


def test_what_is_exported_again_has_the_weights_it_had(session: Session) -> None:
    """A compiler that packs weights, as vela does, would otherwise find another latency each time."""
    ours = Bench(session.space, DEVICE, session.profile)
    signature, place = next(iter(places(session.space).items()))
    state = torch.get_rng_state()
    first, second = (ours._modules({signature: place})[signature][0].state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert torch.equal(state, torch.get_rng_state())


def test_where_time_is_real_networks_are_measured_in_two_sessions(
        session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not any(network.again for network in session.profile.networks.values())
    whole = dict(list(missing_networks(session.space, Profile(tmp_path / "none", session.profile.header)).items())[:2])
    monkeypatch.setattr(bench, "is_repeated", lambda profile: True)
    done: list[str] = []
    for number, repeat in enumerate((True, False)):
        profile = Profile.create(tmp_path / f"{number}.jsonl", session.profile.header)
        Bench(session.space, DEVICE, profile, on_done=done.append).networks(whole, repeat=repeat)
        kept = Profile.load(profile.path)
        assert [network.again is not None for network in kept.networks.values()] == [repeat, repeat]
        assert len(done) == (steps(profile, (), whole) if repeat else 6)
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

    monkeypatch.setattr(bench, "is_repeated", lambda profile: True)
    monkeypatch.setattr(bench, "measured", slowed)
    said: list[str] = []
    profile = Profile.create(tmp_path / "p.jsonl", session.profile.header)
    Bench(session.space, DEVICE, profile, say=said.append).networks(whole)
    times = {key: [m.latency_ms() for m in (n.measurement, n.again) if m]
             for key, n in Profile.load(profile.path).networks.items()}
    assert times == {disturbed: [10.0, 10.2], steady: [10.1, 10.0]}
    assert said == ["mock: two measurements of 1 networks lie apart; measuring a third time"]
