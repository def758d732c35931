from __future__ import annotations

import errno
import importlib.util
import json
import os
import tempfile
from pathlib import Path

import pytest

from edgenas.cost.profile import Profile

from .flows import DIGITS, MOCK, OWN_SPACE, QUICK, edgenas, files, own_space, succeed, write_profile

PROFILE = ("profile", *DIGITS, *MOCK, *OWN_SPACE)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_profile(tmp_path, own_space())


def change_header(path: Path, **values: object) -> None:
    first, rest = path.read_text().split("\n", 1)
    path.write_text(json.dumps(json.loads(first) | values) + "\n" + rest)


def test_a_complete_profile_is_reported_without_measuring(path: Path, tmp_path: Path):
    before = path.read_bytes()
    found = succeed(*PROFILE, "--profiles", tmp_path, "--json").document
    assert found["page"] == str(path.with_suffix(".html")) and "Plotly" in Path(found["page"]).read_text()
    assert path.read_bytes() == before
    assert found["profile"] == str(path) and (found["device"], found["runtime"]) == ("mock", "mock")
    assert found["runtime_version"] == "1" and found["threads"] == 1 and found["machine"]["id"]
    assert found["input_shape"] == [1, 8, 8] and (found["blocks"], found["networks"]) == (4, 7)
    assert found["measured_now"] == 0
    low, high = found["reachable"]["latency_ms"]
    assert 0 < low < high
    assert set(found["held_out"]) == {"networks", "mape", "spearman", "kendall", "within_5", "within_10", "coverage",
                                      "margin"}
    assert found["interval"] is None  # seven networks are too few for one
    assert found["space_blocks"] == {"measured": 4, "predicted": 0} and found["transfer"] is None
    assert found["drift"] == {"checks": 0, "largest": None, "disagreed": 0, "by_cpu": 0}
    assert found["seconds"] == {"export": 0, "measure": 0, "modules": 0}


def test_the_table_says_what_is_not_known(path: Path, tmp_path: Path):
    shown = succeed(*PROFILE, "--profiles", tmp_path).out
    assert "unknown: too few networks" in shown and "not checked" in shown and "4 measured, 0 predicted" in shown
    assert str(path.with_suffix(".html")) in shown


def test_without_plotly_everything_else_is_reported(path: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    result = succeed(*PROFILE, "--profiles", tmp_path, "--json")
    assert result.document["page"] is None and result.document["held_out"]["networks"] == 7
    assert 'pip install "edgenas[report]"' in result.err and not path.with_suffix(".html").exists()


def test_a_device_is_profiled_from_nothing_and_then_adapted_from(tmp_path: Path):
    first = succeed(*PROFILE, "--profiles", tmp_path / "a", "--json").document
    assert first["measured_now"] == 4 + 7 and first["seconds"]["modules"] == 4 + 7 + 1
    assert first["seconds"]["export"] > 0
    assert first["drift"] == {"checks": 1, "largest": 0.0, "disagreed": 0, "by_cpu": 0}
    adapted = succeed(*PROFILE, "--profiles", tmp_path / "b", "--transfer-from", first["profile"], "--probes", "6",
                      "--json").document
    assert adapted["transfer"] == {"path": first["profile"], "device": "mock", "runtime": "mock",
                                   "sha256": adapted["transfer"]["sha256"]}
    assert adapted["space_blocks"] == {"measured": 0, "predicted": 4} and adapted["measured_now"] <= 6
    assert adapted["reachable"]["latency_ms"] == pytest.approx(first["reachable"]["latency_ms"], rel=0.1)
    again = succeed("search", *QUICK, "--latency-ms", "85%", "--profiles", tmp_path / "b", "--out", tmp_path / "run")
    assert "profile mock mock" not in again.err


@pytest.mark.parametrize(("options", "words"), [
    (["--budget-minutes", "0"], ["--budget-minutes is 0", "above 0"]),
    (["--budget-minutes", "1", "--transfer-from", "x.jsonl"], ["--budget-minutes and --transfer-from are both given"]),
    (["--transfer-from", "no.such.jsonl"], ["cannot read the profile no.such.jsonl"]),
    (["--transfer-from", "jetson"], ["there is no profile of a device 'jetson'", "edgenas profile --device jetson"]),
])
def test_plans_that_cannot_be_are_refused_before_anything_is_measured(tmp_path: Path, options, words):
    edgenas(*PROFILE, *options, "--profiles", tmp_path).refused(2, *words)
    assert files(tmp_path) == {}


def test_a_device_with_several_profiles_is_not_guessed_from(path: Path, tmp_path: Path):
    path.with_name("other-fp32-1t.jsonl").write_bytes(path.read_bytes())
    edgenas(*PROFILE, "--profiles", tmp_path, "--transfer-from", "mock").refused(
        2, "device 'mock' has 2 profiles", "--transfer-from")


def test_a_profile_of_another_machine_is_refused_with_the_command_that_renews_it(path: Path, tmp_path: Path):
    change_header(path, machine={"id": "0123456789ab"})
    before = files(tmp_path)
    edgenas(*PROFILE, "--profiles", tmp_path).refused(
        2, f"the profile {path} is stale: its machine is 0123456789ab", "edgenas profile --device mock", "--renew")
    assert files(tmp_path) == before
    edgenas("search", *QUICK, "--latency-ms", "85%", "--profiles", tmp_path, "--out", tmp_path / "run").refused(
        2, "is stale", "--renew")


def test_a_profile_of_another_runtime_version_is_refused(path: Path, tmp_path: Path):
    change_header(path, runtime_version="0.9")
    edgenas(*PROFILE, "--profiles", tmp_path).refused(2, "its runtime version is 0.9, the device's is 1", "--renew")


@pytest.mark.parametrize(("damage", "line"), [
    (lambda lines: [*lines[:3], lines[3][:40], *lines[4:]], 4), (lambda lines: [lines[0][:30], *lines[1:]], 1),
    (lambda lines: [*lines[:2], "", *lines[2:]], 3), (lambda lines: [*lines[:5], '{"kind": "block"}', *lines[5:]], 6),
    (lambda lines: [*lines[:2], lines[2].replace('"min_ms": ', '"min_ms": -'), *lines[3:]], 3),
])
def test_a_damaged_profile_names_the_line(path: Path, tmp_path: Path, damage, line):
    path.write_text("\n".join(damage(path.read_text().splitlines())) + "\n")
    before = path.read_bytes()
    edgenas(*PROFILE, "--profiles", tmp_path).refused(2, f"the profile {path} is damaged in line {line}", "--renew")
    assert path.read_bytes() == before


def test_a_last_line_that_was_cut_short_is_dropped(path: Path, tmp_path: Path):
    whole = path.read_text()
    path.write_text(whole + '{"kind": "decoded", "key": "8x')
    succeed(*PROFILE, "--profiles", tmp_path)
    Profile.load(path).add_left_out("a block")  # until then another process might still be writing that line
    assert path.read_text().removeprefix(whole).splitlines() == ['{"key": "a block", "kind": "left_out"}']


@pytest.mark.parametrize("option", ["width=0.5", "search.epochs=3", "spcae.width=0.5"])
def test_an_option_that_a_profile_does_not_have_is_not_ignored(tmp_path: Path, option):
    edgenas(*PROFILE, "--set", option, "--profiles", tmp_path).refused(
        2, f"a profile has no option {option.partition('=')[0]!r}", "--set space.width=0.5")
    assert files(tmp_path) == {}


def test_an_unknown_runtime_is_refused_and_makes_no_profile(tmp_path: Path):
    edgenas(*PROFILE, "--runtime", "mick", "--profiles", tmp_path).refused(
        2, "'mick' is no known runtime of device 'mock'", "did you mean 'mock'?")
    assert files(tmp_path) == {}


def test_a_full_disk_for_temporary_files_is_one_sentence(tmp_path: Path, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    edgenas(*PROFILE, "--profiles", tmp_path).refused(
        2, "a temporary file or the output: No space left on device", "TMPDIR")
    assert files(tmp_path) == {}


def test_a_profile_of_int8_files_is_another_one(path: Path, tmp_path: Path):
    before = path.read_bytes()
    found = succeed(*PROFILE, "--profiles", tmp_path, "--precision", "int8", "--json").document
    other = path.with_name("mock-int8-1t.jsonl")
    assert (found["profile"], found["precision"]) == (str(other), "int8") and other.exists()
    fp32 = succeed(*PROFILE, "--profiles", tmp_path, "--json").document
    assert found["reachable"]["latency_ms"][1] < fp32["reachable"]["latency_ms"][1]
    assert path.read_bytes() == before


def test_a_precision_that_the_runtime_does_not_run(tmp_path: Path):
    for command, device, precision in (("profile", "ethos-u55-128", "fp32"), ("spaces", "ethos-u55-128", "fp32"),
                                       ("profile", "android-phone", "int8")):
        edgenas(command, "--device", device, "--precision", precision).refused(
            2, f"runs no {precision} files", "--precision ", "or another --runtime")
