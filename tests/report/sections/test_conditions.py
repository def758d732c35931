from __future__ import annotations

import pytest

from edgenas.cost.profile import Header, Profile, profile_path
from edgenas.measure.measurement import Measurement
from edgenas.report.sections.conditions import conditions

from ..runs import Page

MACHINE = {"id": "abcdef123456", "cpu": "A <fast> CPU", "cores": 4, "architecture": "x86_64",
           "memory_gib": 24, "system": "Linux 6.1", "python": "3.11.7",
           "conditions": {"load_average": 0.52, "governor": None, "frequency_mhz": 2400.0,
                          "temperature_c": None}}


@pytest.fixture
def profiled():
    """A profile of another machine than this one, with one block in it."""
    profile = Profile.create(profile_path("mock", "mock", 1), Header(
        device="mock", runtime="mock", runtime_version="9.8", threads=1, machine=MACHINE))
    profile.add_block("conv", Measurement("0", 0.1, 0.1, 0.1, 0.1, 0.0, 0.0, 3, 60, True))
    return profile


def test_the_machine_as_the_profile_describes_it(profiled, make):
    text = Page(conditions(make("search", "train", "export"))).text
    assert "A <fast> CPU, 4 cores, x86_64, 24 GiB, id abcdef123456" in text
    assert "9.8" in text and "Linux 6.1" in text and "1 blocks and 0 networks, measured" in text
    assert "load 0.52, 2400.0 MHz" in text and "governor" not in text
    assert "made-up latencies" in text and "median_of_minima: median of the rounds' fastest runs" in text
    assert "Versions at export: torch 2.13.0, onnx 1.23.2." in text


def test_whether_the_profile_is_still_the_searchs(profiled, make):
    def same(files):
        files["decoding.json"]["models"]["latency_ms"]["profile_sha256"] = profiled.digest

    assert "it is as it was" in Page(conditions(make("search", edit=same))).text
    assert "it has changed since" in Page(conditions(make("search"))).text
    assert "SHA-256" not in Page(conditions(make())).text


def test_the_runs_own_profiles_folder_is_used(profiled, make, tmp_path, monkeypatch):
    monkeypatch.setenv("EDGENAS_PROFILES", str(tmp_path / "nothing here"))
    assert "9.8" not in Page(conditions(make())).text
    folder = str(profiled.path.parent.parent)
    assert "9.8" in Page(conditions(make(edit=lambda files: files["run.json"].update(profiles=folder)))).text


def test_a_missing_or_damaged_profile_is_no_obstacle(profiled, make):
    profiled.path.write_text("no profile\n")
    assert "cannot be read here" in Page(conditions(make("search"))).text
    profiled.path.unlink()
    assert "cannot be read here" in Page(conditions(make("search"))).text


def test_a_device_that_is_no_longer_known(make):
    text = Page(conditions(make(edit=lambda files: files["run.json"].update(device="boards/mine.toml")))).text
    assert "boards/mine.toml" in text and "cannot be read here" in text
