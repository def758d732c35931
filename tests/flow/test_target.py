"""Budgets on further devices: each has its own profile, cost model, multiplier and word."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgenas.cost.model import networks
from edgenas.cost.profile import Header, Profile
from edgenas.cost.published import Published
from edgenas.flow.run import Run
from edgenas.flow.work import Work
from edgenas.measure.device import device_file

from .flows import DIGITS, EPOCHS, MOCK, OWN_SPACE, QUICK, Result, edgenas, mock_latency_ms, own_space, write_profile


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second mock device."""
    path = tmp_path_factory.mktemp("boards") / "board.toml"
    path.write_text(device_file("mock").read_text().replace('name = "mock"', 'name = "board"'))
    return path


@pytest.fixture(scope="module")
def profiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The mock's own measured profile, and one of a Pixel 1 whose blocks are ten times as slow, published."""
    folder = tmp_path_factory.mktemp("profiles")
    write_profile(folder, own_space())
    phone = Profile.create(folder / "pixel1" / "litert-fp32-1t.jsonl", Header(
        device="pixel1", runtime="litert", runtime_version="", threads=1, machine={"id": "pixel1"},
        provenance="published"))
    for network in networks(own_space()).values():
        if network is not None:
            slow = Published("made up", 10 * mock_latency_ms(network), 0.1, 10)
            phone.add_block(network.signature, slow, network)
    return folder


@pytest.fixture(scope="module")
def run(board: Path, profiles: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    out = tmp_path_factory.mktemp("out") / "run"
    asked = ("--latency-ms", "90%", "--budget", f"latency_ms@{board}/mock=70%", "--budget", "latency_ms@pixel1=95%")
    found = edgenas("run", *DIGITS, *MOCK, *OWN_SPACE, *EPOCHS, *asked, "--profiles", profiles, "--out", out, "--json")
    assert found.code == 0, found.err
    return found, out


def test_every_device_s_budget_holds_under_its_own_word(run: tuple[Result, Path], board: Path) -> None:
    document = run[0].document
    found = {b["metric"]: b for b in document["budgets"]}
    assert list(found) == ["latency_ms", f"latency_ms@{board}/mock", "latency_ms@pixel1"]
    here, there, phone = found.values()
    assert (here["provenance"], there["provenance"], phone["provenance"]) == ("measured", "measured", "predicted")
    assert there["measured"] <= there["limit"] < here["limit"]
    assert there["measured"] == pytest.approx(here["measured"])  # both are the mock's formula
    assert phone["measured"] is None and phone["predicted"] <= phone["limit"]
    assert phone["predicted"] > 5 * here["measured"]


def test_each_has_a_model_a_multiplier_and_a_measurement_in_the_rounds(run: tuple[Result, Path], board: Path) -> None:
    out, there = run[1], f"latency_ms@{board}/mock"
    decoding = json.loads((out / "decoding.json").read_text())
    assert [decoding["models"][name]["provenance"] for name in ("latency_ms", there, "latency_ms@pixel1")] == [
        "measured", "measured", "published"]
    assert all(set(entry["measured"]) == {"latency_ms", there} for entry in decoding["rounds"])
    history = json.loads((out / "search.json").read_text())["history"]
    assert set(history[0]["budgets"]) == {"latency_ms", there, "latency_ms@pixel1"}
    report = (out / "report.html").read_text()
    for name in ("latency_ms", there, "latency_ms@pixel1"):
        assert f"Multiplier of {name}" in report


def test_the_further_device_is_profiled_where_it_was_not_yet(run: tuple[Result, Path], profiles: Path) -> None:
    assert "profile board mock" in run[0].err
    assert len(Profile.load(profiles / "board" / "mock-fp32-1t.jsonl").networks) > 0


def test_a_run_is_seen_from_its_other_device(run: tuple[Result, Path], board: Path) -> None:
    work = Work(Run.open(run[1]))
    (there, phone) = work.further.values()
    assert (there.device.name, there.runtime, there.metrics) == ("board", "mock", ("latency_ms",))
    assert phone.device.name == "pixel1" and not phone.is_measurable
    assert work.target.metrics == ("latency_ms",)
    assert [work.targets[place] for place in ("", *work.further)] == [work.target, there, phone]


def test_verifying_again_measures_there_too(run: tuple[Result, Path], board: Path) -> None:
    found = edgenas("verify", run[1], "--json")
    assert found.code == 0, found.err
    assert [b["within"] for b in found.document["budgets"]] == [True] * 3


@pytest.mark.parametrize(("budget", "words"), [
    ("latency_ms@=5", ("names no device", "latency_ms@pixel1")),
    ("latency_ms@pixel9=5", ("'pixel9' is no known device",)),
    ("latency_ms@mock/tvm=5", ("'tvm' is no known runtime of device 'mock'",)),
    ("macs@mock=5e6", ("macs of mock is not told by its runtime 'mock'", "--budget macs=5e+06")),
    ("speed@mock=5", ("'speed' is no known metric",)),
    ("latency_ms@mock=0.000001", ("no network of this space holds latency_ms@mock",)),
])
def test_what_cannot_be_is_said_in_one_sentence(budget: str, words: tuple[str, ...], profiles: Path,
                                                tmp_path: Path) -> None:
    result = edgenas("search", *QUICK, "--budget", budget, "--profiles", profiles, "--out", tmp_path / "run")
    result.refused(3 if "0.000001" in budget else 2, *words)
