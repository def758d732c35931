from __future__ import annotations

from pathlib import Path

import pytest

from edgenas.cost.metrics import METRICS
from edgenas.cost.profile import profile_path
from edgenas.errors import ProfileError, UsageError
from edgenas.flow.survey import survey
from edgenas.space import load_space

from .flows import OWN, own_space, write_profile


@pytest.fixture(autouse=True)
def one_space(monkeypatch):
    """Spaces of large networks are not what is tested here."""
    monkeypatch.setattr("edgenas.flow.survey.space_names", lambda: ["mobile"])


def asked(profiles: Path, **changes):
    given = {"input_shape": "1x8x8", "classes": 10, "device": "mock", "runtime": None, "threads": None} | changes
    return [space.to_json() for space in survey(**given, profiles=str(profiles))]


def test_a_space_tells_what_it_reaches_and_latency_only_where_it_was_profiled(tmp_path: Path):
    (space,) = asked(tmp_path)
    assert space["name"] == "mobile" and space["size"] == 6 * 7 * 7 * 6 * 7 * 7 and space["summary"]
    assert list(space["reachable"]) == [metric for metric in METRICS if metric != "sram_kib"]  # which no mock tells
    assert space["reachable"].pop("latency_ms") is None
    assert all(0 < low < high for low, high in space["reachable"].values())


def test_a_profiled_space_tells_its_latency(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("edgenas.flow.survey.load_space", lambda name, shape, classes: load_space(OWN, shape, classes))
    write_profile(tmp_path, own_space())
    (space,) = asked(tmp_path)
    low, high = space["reachable"]["latency_ms"]
    assert 0 < low < high
    (other,) = asked(tmp_path, input_shape="3x8x8")
    assert other["reachable"]["latency_ms"] is None
    (threaded,) = asked(tmp_path, threads=2)
    assert threaded["reachable"]["latency_ms"] is None


def test_a_damaged_profile_is_not_taken_for_none(tmp_path: Path):
    path = profile_path("mock", "mock", 1, folder=tmp_path)
    path.parent.mkdir()
    path.write_text("garbage\n")
    with pytest.raises(ProfileError, match="damaged in line 1"):
        asked(tmp_path)


def test_an_unknown_runtime_is_not_taken_for_one_without_a_profile(tmp_path: Path):
    with pytest.raises(UsageError, match="'onxruntime' is no known runtime of device 'host'") as error:
        asked(tmp_path, device="host", runtime="onxruntime")
    assert "did you mean 'onnxruntime'?" in error.value.hint
