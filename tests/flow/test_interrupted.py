"""A flow that is killed or interrupted again and again comes to what an uninterrupted one comes to."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import psutil
import pytest

from edgenas.export.package.about import embedded

from . import flows
from .flows import DIGITS, FLOW, MOCK, OWN_SPACE, Finished, Process, Signal, copied, edgenas, files, succeed

PROFILE = ("profile", *DIGITS, *MOCK, *OWN_SPACE)
SAVED = "edgenas.train.checkpoint:Checkpoint.save"


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def measured(path: Path) -> list[tuple[str, str]]:
    """Kind and signature of what is in the profile, without what was only checked again."""
    return [(line["kind"], line["key"]) for line in lines(path)[1:] if line["kind"] != "check"]


def interrupted_in_worker(process: Process, label: str) -> None:
    """Ctrl-C while the worker measures: exit code 130, and neither process is left."""
    process.until(lambda: process.said(f"{label}: ") and process.children())
    (worker,) = [psutil.Process(pid) for pid in process.children()]
    process.until(lambda: worker.cpu_times().user > 0.1)
    process.interrupt()
    process.ended().refused(130, "interrupted; what was done is kept", "run the same command again")
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE


def test_a_profile_goes_on_after_a_kill_and_after_ctrl_c(tmp_path: Path):
    asked = (*PROFILE, "--profiles", tmp_path / "profiles")
    path = tmp_path / "profiles" / "mock" / "mock-fp32-1t.jsonl"
    killed = Process(tmp_path / "1", *asked, signalled=Signal(signal.SIGKILL, "edgenas.cost.profile:append_line", 2))
    assert killed.ended().code == -signal.SIGKILL
    assert [line["kind"] for line in lines(path)[1:]] == ["block", "block"]

    interrupted_in_worker(Process(tmp_path / "2", *asked), "profile mock mock")
    kept, before = path.read_text(), len(measured(path))
    assert before >= 2

    path.write_text(kept + kept.splitlines()[-1][:50])  # as a crash in the middle of a line would leave it
    found = succeed(*asked, "--json").document
    assert path.read_text().startswith(kept)
    assert len(set(measured(path))) == len(measured(path)) == 4 + 7
    assert found["blocks"] == 4 and found["networks"] == 7
    assert found["measured_now"] == 4 + 7 - before
    assert succeed(*asked, "--json").document["measured_now"] == 0


def test_a_run_goes_on_after_kills_and_ctrl_c_to_the_same_result(finished: Finished, tmp_path: Path):
    out, profiles = tmp_path / "run", tmp_path / "profiles"
    flows.write_profile(profiles, flows.own_space())
    asked = ("run", *FLOW, "--profiles", profiles, "--out", out)

    in_search = Process(tmp_path / "1", *asked, signalled=Signal(signal.SIGKILL, SAVED))
    assert in_search.ended().code == -signal.SIGKILL
    assert (out / "search" / "checkpoint.pt").exists() and not (out / "search.json").exists()

    again = Process(tmp_path / "2", *asked, "--resume", "--json", signalled=Signal(signal.SIGINT, SAVED)).ended()
    again.refused(130, "--resume")
    assert again.document["error"]["kind"] == "interrupted" and "search: 1 steps" in again.err
    assert not (out / "architecture.json").exists()

    in_trial = Process(tmp_path / "3", *asked, "--resume", signalled=Signal(signal.SIGKILL, SAVED)).ended()
    assert in_trial.code == -signal.SIGKILL and "search:" not in in_trial.err and "trial trainings: 2" in in_trial.err
    assert len(list((out / "search" / "trials").iterdir())) == 1 and not (out / "architecture.json").exists()

    in_training = Process(tmp_path / "4", *asked, "--resume", signalled=Signal(signal.SIGKILL, SAVED, 2)).ended()
    assert in_training.code == -signal.SIGKILL and "search:" not in in_training.err
    assert (out / "train" / "checkpoint.pt").exists() and not (out / "weights.safetensors").exists()

    trained = Process(tmp_path / "5", "train", out, signalled=Signal(signal.SIGINT, SAVED)).ended()
    trained.refused(130, "interrupted")
    assert "train: 1 steps" in trained.err
    assert not (out / "weights.safetensors").exists()

    found = succeed(*asked, "--resume", "--json").document
    ours, theirs = files(out), files(finished.folder)
    assert set(ours) == set(theirs)
    for name in ("architecture.json", "supernet.safetensors", "weights.safetensors"):
        assert ours[name] == theirs[name], name
    about, other = (embedded(folder / "artifacts" / "model.onnx") for folder in (out, finished.folder))
    assert about and other and about.body_sha256 == other.body_sha256  # the rest names its own run's profile
    assert found["accuracy"] == finished.result.document["accuracy"]
    assert found["budgets"] == finished.result.document["budgets"]
    found = measured(profiles / "mock" / "mock-fp32-1t.jsonl")
    assert len(set(found)) == len(found)
    for phase in ("search.json", "train.json"):
        assert len(json.loads(ours[phase])["history"]) == 2


def test_ctrl_c_in_verify_leaves_no_worker_and_the_artifacts(counted: Finished, tmp_path: Path):
    out = copied(counted, tmp_path / "run")
    (out / "verify.json").unlink()
    interrupted_in_worker(Process(tmp_path / "1", "verify", out), "verify")
    assert not (out / "verify.json").exists()
    assert succeed("verify", out, "--json").document["budgets"] == counted.result.document["budgets"]


@pytest.mark.parametrize("where", ["artifact.signature", "parity.prove"])
def test_ctrl_c_in_export_leaves_what_was_there(counted: Finished, tmp_path: Path, monkeypatch, where):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    out = copied(counted, tmp_path / "run")
    shutil.rmtree(out / "artifacts")
    monkeypatch.setattr(f"edgenas.flow.{where}", interrupt)
    edgenas("export", out).refused(130, "interrupted")
    assert set(files(out / "artifacts")) <= {"model.onnx"}
