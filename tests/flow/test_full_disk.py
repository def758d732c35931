"""A disk that is really full, at each phase: one sentence, nothing half-written or ranked by it, and it goes on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from disks import Disk

from .flows import DIGITS, EPOCHS, MOCK, OWN_SPACE, QUICK, Finished, Result, edgenas, files, succeed

FOUND = ("search", "supernet.safetensors", "decoding.json", "architecture.json", "search.json")
TRAINED = ("train", "train.json", "weights.safetensors")
VERIFIED = ("verify.json", "report.html")
PHASES = {"train": (*TRAINED, "artifacts", *VERIFIED), "export": ("artifacts", *VERIFIED), "verify": VERIFIED}


def copied(run: Finished, to: Path, without: tuple[str, ...]) -> Path:
    return Path(shutil.copytree(run.folder, to, ignore=lambda _, names: [n for n in names if n in without]))


@pytest.mark.parametrize("phase", PHASES)
def test_a_phase_on_a_full_disk_is_one_sentence_and_goes_on(counted: Finished, disk: Disk, phase: str):
    run = copied(counted, disk.folder / "run", PHASES[phase])
    disk.fill()
    before = files(run)
    edgenas(phase, run).refused(2, f"cannot write {run}", "No space left on device", "free some space")
    assert files(run) == before
    disk.grow()
    succeed(phase, run)


def test_a_report_that_finds_no_room_fails_the_run(counted: Finished, disk: Disk):
    run = copied(counted, disk.folder / "run", ("report.html",))
    disk.fill()
    asked = json.loads((run / "run.json").read_text())["command"][1:]
    asked[asked.index("--out") + 1] = str(run)
    edgenas(*asked, "--resume").refused(2, f"cannot write {run / 'report.html'}: No space left on device")
    assert not (run / "report.html").exists()
    disk.grow()
    succeed(*asked, "--resume")


def test_trials_that_find_no_room_rank_nothing(finished: Finished, disk: Disk):
    run = disk.folder / "run"
    asked = ("search", *DIGITS, *MOCK, *OWN_SPACE, *EPOCHS, "--set", "search.trials=2", "--latency-ms", "85%",
             "--profiles", finished.profiles, "--out", run, "--resume")
    whole = copied(finished, disk.folder / "run", (*FOUND, *TRAINED, "artifacts", *VERIFIED))
    shutil.copytree(finished.folder / "search", whole / "search")
    config = json.loads((whole / "run.json").read_text())
    config["search"]["trials"] = 2
    (whole / "run.json").write_text(json.dumps(config))
    disk.fill(leave=(finished.folder / "supernet.safetensors").stat().st_size + 12_000)
    said = edgenas(*asked)
    said.refused(2, str(run / "search" / "trials"), "No space left on device")
    assert "trial training of a network" not in said.err
    assert not (run / "decoding.json").exists() and not (run / "architecture.json").exists()
    assert all("trial_loss" not in row for row in json.loads((run / "search.json").read_text())["tried"])
    disk.grow()
    succeed(*asked)


def test_baselines_that_find_no_room_fail(counted: Finished, disk: Disk):
    run = copied(counted, disk.folder / "run", ("report.html",))
    disk.fill()
    edgenas("report", run, "--baselines").refused(2, f"cannot write {run / 'baselines'}", "No space left on device")
    assert not (run / "baselines.json").exists()


def test_a_profile_that_finds_no_room_is_one_sentence(disk: Disk):
    disk.fill()
    edgenas("search", *QUICK, "--latency-ms", "85%", "--profiles", disk.folder / "profiles", "--out",
            disk.folder.parent / "run").refused(2, "cannot write", "No space left on device")
    assert not list(disk.folder.rglob("*.jsonl"))


def export_in_a_process(run: Path, format: str, disk: Disk) -> Result:
    """With room for a few bytes of temporary files (without any, Python would take another folder). In a process of its
    own: what ends it must not end the tests."""
    disk.fill(leave=8192)
    done = subprocess.run([sys.executable, "-m", "edgenas", "export", run, "--format", format], text=True,
                          capture_output=True, env=os.environ | {"TMPDIR": str(disk.folder)})
    return Result(done.returncode, done.stdout, done.stderr)


def test_tvm_needs_no_room_for_its_object_files(counted: Finished, tmp_path: Path, disk: Disk):
    run = copied(counted, tmp_path / "run", ("artifacts",))
    done = export_in_a_process(run, "tvm", disk)
    assert done.code == 0, done.err
    assert list((run / "artifacts").rglob("*.so"))


def test_a_c_compiler_that_finds_no_room_is_one_sentence(counted: Finished, tmp_path: Path, disk: Disk):
    run = copied(counted, tmp_path / "run", ("artifacts",))
    export_in_a_process(run, "binary", disk).refused(2, "cannot write what gcc makes: No space left on device",
                                                     "free some space", "TMPDIR")
