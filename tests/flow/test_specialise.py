from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path

import pytest

from edgenas.cost.profile import Profile
from edgenas.errors import BudgetError, Diverged, MissingExtra, RunError
from edgenas.flow.records import Decoding
from edgenas.flow.run import Run
from edgenas.flow.specialise import budgets, result, within_budget
from edgenas.selection import correction

from .flows import DIGITS, EPOCHS, FLOW, MOCK, NARROW, OWN, QUICK, Finished, copied, edgenas, files, succeed

SAME = ("architecture.json", "supernet.safetensors", "weights.safetensors", "artifacts/model.onnx")


def test_the_whole_flow_leaves_a_complete_folder(finished: Finished):
    assert finished.result.code == 0, finished.result.err
    assert set(files(finished.folder)) == {
        "run.json", "data.json", "search.json", "search/checkpoint.pt", "supernet.safetensors", "decoding.json",
        "architecture.json", "train.json", "train/checkpoint.pt", "weights.safetensors", "artifacts/model.onnx",
        "artifacts/manifest.json", "verify.json", "report.html"}


def test_the_result_has_every_field_with_its_type(finished: Finished):
    found = finished.result.document
    assert {"run": str(finished.folder), "device": "mock", "runtime": "mock", "strategy": "snas", "space": OWN,
            "seed": 0, "statistic": "median_of_minima"}.items() <= found.items()
    low, high = found["reachable"]["latency_ms"]
    assert 0 < low < high
    (budget,) = found["budgets"]
    assert budget["metric"] == "latency_ms" and budget["within"] is True
    assert budget["limit"] == pytest.approx(0.85 * high)
    assert 0.9 * budget["limit"] < budget["measured"] <= budget["limit"]
    assert abs(budget["predicted"] / budget["measured"] - 1) < 0.1
    assert list(found["architecture"]) == ["1", "2"]
    assert set(found["architecture"].values()) <= {"narrow", "wide", "skip"}
    assert set(found["accuracy"]) == {"validation", "test"}
    (artifact,) = found["artifacts"]
    path = Path(artifact["path"])
    assert artifact["format"] == "onnx" and artifact["bytes"] == path.stat().st_size
    assert artifact["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert 0 <= artifact["max_abs"] < 1e-4 and artifact["agreement"] == 1.0
    assert artifact["test_accuracy"] == pytest.approx(found["accuracy"]["test"])
    assert artifact["measured_latency_ms"] == budget["measured"]


def test_a_share_is_said_in_the_budget_s_unit(finished: Finished):
    limit = finished.result.document["budgets"][0]["limit"]
    low, high = finished.result.document["reachable"]["latency_ms"]
    assert f"budget latency_ms {limit:.4g}; this space reaches from {low:.4g} to {high:.4g}" in finished.result.err


def test_the_run_names_the_profile_that_it_was_predicted_from(finished: Finished):
    manifest = json.loads((finished.folder / "artifacts" / "manifest.json").read_text())
    profile = Profile.load(finished.profiles / "mock" / "mock-fp32-1t.jsonl")
    assert manifest["profile_sha256"] == profile.digest
    assert manifest["seed"] == 0 and manifest["command"].startswith("edgenas run --data digits")


def test_phases_one_by_one_come_to_the_same(finished: Finished, tmp_path: Path):
    out = tmp_path / "run"
    searched = succeed("search", *FLOW, "--profiles", finished.profiles, "--out", out, "--json")
    assert searched.document["architecture"] == finished.result.document["architecture"]
    assert searched.document["accuracy"] == {} and searched.document["artifacts"] == []
    (budget,) = searched.document["budgets"]
    assert budget["within"] and budget["measured"] <= budget["limit"]
    assert not (out / "weights.safetensors").exists()
    trained = succeed("train", out, "--json").document
    assert trained["accuracy"] == finished.result.document["accuracy"]
    exported = succeed("export", out, "--json").document
    assert [a["path"] for a in exported["artifacts"]] == ["model.onnx"]
    verified = succeed("verify", out, "--json").document
    assert {k: v for k, v in verified.items() if k not in ("run", "artifacts")} == {
        k: v for k, v in finished.result.document.items() if k not in ("run", "artifacts")}
    reported = succeed("report", out, "--json").document
    assert Path(reported["report"]).stat().st_size > 10_000
    ours, theirs = files(out), files(finished.folder)
    assert set(ours) == set(theirs)
    assert all(ours[name] == theirs[name] for name in SAME)


def test_the_recorded_command_makes_the_same_again(counted: Finished, tmp_path: Path):
    command = json.loads((counted.folder / "run.json").read_text())["command"]
    assert command[:2] == ["edgenas", "run"]
    command[command.index("--out") + 1] = str(tmp_path / "again")
    again = succeed(*command[1:])
    ours, theirs = files(tmp_path / "again"), files(counted.folder)
    assert set(ours) == set(theirs)
    for name in ("architecture.json", "weights.safetensors", "artifacts/model.onnx"):
        assert ours[name] == theirs[name], name
    assert again.document["budgets"] == counted.result.document["budgets"]


def test_budgets_that_need_no_device_make_no_profile(counted: Finished):
    assert counted.result.code == 0, counted.result.err
    assert not counted.profiles.exists()
    found = counted.result.document
    assert list(found["reachable"]) == ["macs", "peak_memory_kib"]
    macs, memory = found["budgets"]
    assert (macs["metric"], macs["limit"]) == ("macs", pytest.approx(0.69 * found["reachable"]["macs"][1]))
    assert (memory["metric"], memory["limit"]) == ("peak_memory_kib", 26)
    for budget in (macs, memory):
        assert budget["within"] and budget["predicted"] == budget["measured"] <= budget["limit"]


def test_several_budgets_hold_at_once(finished: Finished, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(correction, "ROUNDS", 1)
    found = succeed("search", *FLOW, "--strategy", "random", "--budget", "macs=69%", "--budget", "flash_kib=90%",
                    "--profiles", finished.profiles, "--out", tmp_path / "run", "--json").document
    assert [b["metric"] for b in found["budgets"]] == ["latency_ms", "macs", "flash_kib"]
    assert all(b["within"] and b["measured"] <= b["limit"] for b in found["budgets"])


def test_proxyless_finds_a_network_within_the_macs(tmp_path: Path):
    found = succeed("search", *DIGITS, *MOCK, *NARROW, *EPOCHS, "--strategy", "proxyless", "--budget", "macs=50%",
                    "--out", tmp_path / "run", "--json").document
    (budget,) = found["budgets"]
    assert 0.8 * budget["limit"] < budget["measured"] == budget["predicted"] <= budget["limit"]
    assert list(found["architecture"]) == [f"stage{s}.block{b}" for s in (1, 2) for b in (1, 2)]
    assert all(name == "skip" or name.startswith("mbconv_k") for name in found["architecture"].values())
    assert (tmp_path / "run" / "supernet.safetensors").exists()


def test_a_finished_run_is_started_again_only_to_resume_and_then_does_nothing(finished: Finished, tmp_path: Path):
    out = copied(finished, tmp_path / "run")
    asked = ("run", *FLOW, "--profiles", finished.profiles, "--out", out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    edgenas(*asked).refused(2, f"{out} holds this run already", "--resume")
    resumed = succeed(*asked, "--resume", "--json")
    assert {path for path, then in before.items() if path.stat().st_mtime_ns != then} == {out / "report.html"}
    assert "steps" not in resumed.err
    assert resumed.document["architecture"] == finished.result.document["architecture"]


@pytest.mark.parametrize(("changed", "words"), [
    (("--search-epochs", "3"), ("search.epochs is 2, not 3",)), (("--seed", "1"), ("seed is 0, not 1",)),
    (("--latency-ms", "86%"), ("budgets is latency_ms=85%, not latency_ms=86%",)),
    (("--threads", "2"), ("threads is 1, not 2",)), (("--strategy", "proxyless"), ("strategy is snas, not proxyless",)),
])
def test_another_run_s_folder_is_refused_naming_the_difference(finished: Finished, changed, words):
    before = files(finished.folder)
    for resume in ((), ("--resume",)):
        edgenas("run", *FLOW, *changed, "--profiles", finished.profiles, "--out",
                finished.folder, *resume).refused(2, f"{finished.folder} holds another run: its", "--out", *words)
    assert files(finished.folder) == before


def test_a_refused_run_s_folder_takes_the_mended_command(tmp_path: Path):
    out = tmp_path / "run"
    edgenas("search", *QUICK, "--out", out, "--budget", "macs=1").refused(3, "reaches from 1.296e+04 to 2.649e+05")
    succeed("search", *QUICK, "--out", out, "--budget", "macs=69%")


def test_without_plotly_the_run_is_kept_and_says_what_to_install(counted: Finished, tmp_path: Path, monkeypatch):
    out = copied(counted, tmp_path / "run")
    (out / "report.html").unlink()
    for name in [n for n in sys.modules if n.partition(".")[0] == "plotly"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "plotly", None)
    command = json.loads((counted.folder / "run.json").read_text())["command"][1:]
    command[command.index("--out") + 1] = str(out)
    done = succeed(*command, "--resume")
    assert "no report: this needs the package 'plotly'" in done.err and 'edgenas[report]' in done.err
    edgenas("report", out).refused(2, "plotly", 'pip install "edgenas[report]"')


@pytest.mark.parametrize(("name", "error"), [
    ("edgenas.report.page.write_report", RunError("no page")),
    ("edgenas.flow.specialise.baselines_phase", Diverged("no")),
    ("edgenas.flow.specialise.baselines_phase", MissingExtra("no package")),
    ("edgenas.report.page.write_report", BudgetError("none")),
])
def test_a_report_or_a_baseline_that_fails_fails_the_run(counted: Finished, tmp_path: Path, monkeypatch, name, error):
    def fail(*_: object) -> None:
        raise error

    out = copied(counted, tmp_path / "run")
    monkeypatch.setattr(name, fail)
    command = json.loads((out / "run.json").read_text())["command"][1:]
    command[command.index("--out") + 1] = str(out)
    assert "no report" not in edgenas(*command, "--resume", "--baselines").refused(error.exit_code, error.message)


def test_a_run_is_within_budget_only_when_it_was_verified(counted: Finished, tmp_path: Path):
    run = Run.open(copied(counted, tmp_path / "run"))
    assert within_budget(run)
    (run.folder / "verify.json").unlink()
    assert not within_budget(run)
    assert result(run).artifacts == () and all(b.within for b in result(run).budgets)


def test_the_result_of_a_run_that_has_not_begun_is_empty(counted: Finished, tmp_path: Path):
    (tmp_path / "run").mkdir()
    shutil.copy(counted.folder / "run.json", tmp_path / "run")
    found = result(Run.open(tmp_path / "run")).to_json()
    assert found["architecture"] == found["accuracy"] == found["reachable"] == {}
    assert found["budgets"] == found["artifacts"] == []


def test_figures_of_an_unverified_run_are_the_chosen_round_s():
    rounds = [{"architecture": {"a": "x"}, "within": True, "measured": {"macs": 5.0}},
              {"architecture": {"a": "y"}, "within": True, "measured": {"macs": 7.0}},
              {"architecture": {"a": "y"}, "within": False, "measured": {"macs": 9.0}}]
    decoding = Decoding.from_json({
        "budgets": [{"metric": "macs", "limit": 8.0}], "predicted": {"macs": 6.0},
        "rounds": [row | {"predicted": {"macs": 6.0}} for row in rounds], "architecture": {"a": "y"}, "layers": [],
        "models": {"macs": {"provenance": "counted", "reachable": [1.0, 9.0], "margin": 0.0, "exact": False}}})
    assert [b.to_json() for b in budgets(decoding, None)] == [{
        "metric": "macs", "limit": 8.0, "predicted": 6.0, "measured": 7.0, "provenance": "counted", "within": True}]


def test_a_format_that_is_not_known_is_refused_before_the_run_begins(tmp_path: Path):
    edgenas("run", *QUICK, "--budget", "macs=69%", "--format", "onxn", "--out", tmp_path / "run").refused(
        2, "'onxn' is no known export format", "did you mean 'onnx'?")
    assert not (tmp_path / "run").exists()
