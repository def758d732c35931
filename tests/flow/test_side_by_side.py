"""Several devices at once. What is far away here is this machine in truth, reached as if it were another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edgenas.errors import DeviceError, Interrupted, StorageError
from edgenas.flow import side_by_side
from edgenas.flow.requests import ProfileRequest
from edgenas.flow.side_by_side import Stoppable
from edgenas.measure import measure as measuring
from edgenas.measure.device import Device, load_device
from edgenas.progress import Silent

from .flows import DIGITS, OWN_SPACE, edgenas, own_space, write_profile

Devices = Callable[..., None]


@pytest.fixture
def devices(monkeypatch: pytest.MonkeyPatch) -> Devices:
    """`devices(a="local", b="far")`: devices of these names and transports; the names in `broken` do not answer."""
    def declare(broken: str = "", **transports: str) -> None:
        mock, probe, measure = load_device("mock"), measuring.probe, measuring.measure
        known = {name: Device.model_construct(**(dict(mock) | {"name": name, "transport": transport}))
                 for name, transport in transports.items()}

        def local(device: Device) -> Device:
            if device.name == broken:
                raise DeviceError(f"{device.name} does not answer", "plug it in")
            return mock

        monkeypatch.setattr(side_by_side, "load_device", known.__getitem__)
        monkeypatch.setattr(measuring, "probe", lambda device, *rest: probe(local(device), *rest))
        monkeypatch.setattr(measuring, "measure", lambda device, *rest, **options: measure(local(device), *rest,
                                                                                             **options))
    return declare


def profile(*names: str, folder: Path) -> Any:
    chosen = [word for name in names for word in ("--device", name)]
    return edgenas("profile", *DIGITS, *chosen, *OWN_SPACE, "--profiles", folder, "--json")


def complete(folder: Path, *names: str) -> None:
    """Profiles in which nothing is missing."""
    path = write_profile(folder, own_space())
    for name in names:
        to = folder / name / path.name
        to.parent.mkdir()
        to.write_text(path.read_text().replace('"device":"mock"', f'"device":"{name}"'))


def test_all_are_reported_and_one_that_fails_stops_no_other(tmp_path: Path, devices: Devices) -> None:
    complete(tmp_path, "first", "third")
    devices(first="far", second="far", third="local", broken="second")
    result = profile("first", "second", "third", folder=tmp_path)
    assert result.code == DeviceError.exit_code
    first, second, third = result.document["profiles"]
    assert (first["device"], third["device"]) == ("first", "third")
    assert first["held_out"]["networks"] == third["held_out"]["networks"] == 7
    assert second == {"device": "second", "error": {"kind": "device", "message": "second does not answer",
                                                    "hint": "plug it in"}}
    assert "error: second: second does not answer\n  try: plug it in" in result.err


def test_devices_far_away_are_measured_at_the_same_time(
        tmp_path: Path, devices: Devices, monkeypatch: pytest.MonkeyPatch) -> None:
    devices(one="far", two="far")
    together = threading.Barrier(2)

    def profile_one(space: object, device: Device, *rest: object) -> dict[str, Any]:
        together.wait(60)
        return {"device": device.name}

    monkeypatch.setattr(side_by_side, "profile_one", profile_one)
    found = side_by_side.profile_devices(("one", "two"), request(tmp_path), Silent(), Silent)
    assert found == [("one", {"device": "one"}), ("two", {"device": "two"})]


def test_what_is_this_machine_takes_turns(
        tmp_path: Path, devices: Devices, monkeypatch: pytest.MonkeyPatch) -> None:
    devices(one="local", two="local")
    busy, said = threading.Lock(), Heard([])

    def profile_one(space: object, device: Device, *rest: object) -> dict[str, Any]:
        assert busy.acquire(blocking=False)
        busy.release()
        return {"device": device.name}

    monkeypatch.setattr(side_by_side, "profile_one", profile_one)
    side_by_side.profile_devices(("one", "two"), request(tmp_path), said, Silent)
    assert said.lines == ["one, two are this machine and would disturb each other: one after the other"]


def test_two_devices_of_one_name_are_refused(tmp_path: Path) -> None:
    profile("mock", "mock", folder=tmp_path).refused(2, "two devices are named 'mock'", "name each device once")
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_ends_the_work_of_all(
        tmp_path: Path, devices: Devices, monkeypatch: pytest.MonkeyPatch) -> None:
    devices(one="far", two="far")
    ended, began = [], threading.Event()

    def profile_one(space: object, device: Device, asked: object, progress: Stoppable, _: object) -> dict[str, Any]:
        if device.name == "one":
            assert began.wait(60)
            raise KeyboardInterrupt
        began.set()
        with pytest.raises(Interrupted):
            for _ in steps(progress):
                pass
        ended.append(device.name)
        raise Interrupted("stopped")

    monkeypatch.setattr(side_by_side, "profile_one", profile_one)
    with pytest.raises(KeyboardInterrupt):
        side_by_side.profile_devices(("one", "two"), request(tmp_path), Silent(), Silent)
    assert ended == ["two"]


def steps(progress: Stoppable) -> Iterator[None]:
    while True:
        progress.stop.wait(0.01)
        progress.advance()
        yield


class Heard(Silent):
    def __init__(self, lines: list[str]) -> None:
        self.lines = lines

    def say(self, text: str) -> None:
        self.lines.append(text)


def request(folder: Path) -> ProfileRequest:
    return ProfileRequest(data="digits", max_images=300, space=OWN_SPACE[1], profiles=str(folder))


def test_a_full_disk_stops_them_all(tmp_path: Path, devices: Devices, monkeypatch: pytest.MonkeyPatch) -> None:
    devices(one="far", two="far")

    def profile_one(*_: object) -> dict[str, Any]:
        raise StorageError("cannot write: full")

    monkeypatch.setattr(side_by_side, "profile_one", profile_one)
    with pytest.raises(StorageError):
        side_by_side.profile_devices(("one", "two"), request(tmp_path), Silent(), Silent)
