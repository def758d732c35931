"""What a user may type wrong: one clear sentence, exit code 2, nothing written."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from flow.flows import DIGITS, MOCK, OWN_SPACE, QUICK, Finished, edgenas, files
from PIL import Image

ASKED = (*QUICK, "--budget", "macs=69%")


@pytest.mark.parametrize(("arguments", "words"), [
    (("--latency-ms", "0"), ("budget latency_ms=0 must be above zero",)),
    (("--latency-ms", "-1"), ("budget latency_ms=-1 must be above zero",)),
    (("--latency-ms", "fast"), ("budget latency_ms=fast is no number", "latency_ms=0.3")),
    (("--latency-ms", "120%"), ("above 100% of the largest network",)),
    (("--latency-ms", "nan"), ("latency_ms=nan",)), (("--latency-ms", "1e999"), ("latency_ms=1e999",)),
    (("--budget", "5"), ("budget '5' does not say of what", "--budget latency_ms=5")),
    (("--budget", "mcas=5"), ("'mcas' is no known metric", "did you mean 'macs'?")),
    (("--budget", "macs=69%", "--budget", "macs=5e6"), ("the budget of macs is given twice",)),
    (("--latency-ms", "50%", "--budget", "latency_ms=1"), ("the budget of latency_ms is given twice",)),
    ((), ("no budget is given", "--latency-ms 50%")),
])
def test_budgets(tmp_path: Path, arguments, words):
    for command in ("search", "run"):
        edgenas(command, *QUICK, *arguments, "--out", tmp_path / "run").refused(2, *words)
    assert files(tmp_path) == {}


@pytest.mark.parametrize(("arguments", "words"), [
    (("--device", "hots"), ("'hots' is no known device", "did you mean 'host'?")),
    (("--device", "nosuch.toml"), ("cannot read nosuch.toml",)),
    (("--strategy", "snass"), ("'snass' is no known strategy", "did you mean 'snas'?")),
    (("--space", "mobil"), ("'mobil' is no known space", "did you mean 'mobile'?")),
    (("--space", "nosuch.py:network"), ("there is no Python file nosuch.py",)),
    (("--runtime", "mick"), ("'mick' is no known runtime of device 'mock'", "did you mean 'mock'?")),
    (("--data", "mnits"), ("'mnits' is no known data source", "did you mean 'mnist'?")),
    (("--set", "space.widht=0.5", "--space", "mobile"), ("'widht'", "did you mean 'width'?")),
    (("--set", "train.epoch=5"), ("'epoch'", "did you mean 'epochs'?")),
    (("--set", "search.epochs=0"), ("option epochs=0", "greater than or equal to 1")),
    (("--set", "temprature.start=5", "--strategy", "snas"), ("did you mean 'temperature.start'?",)),
    (("--set", "serch.epochs=3"), ("'serch.epochs'", "did you mean 'search.epochs'?")),
    (("--set", "width"), ("option 'width' is not of the form",)),
    (("--set", "train.lr=1", "--set", "train.lr=2"), ("option 'train.lr' is given twice",)),
    (("--image-size", "2"), ("--image-size 2 is not from 4 to 4096",)),
    (("--max-images", "3"), ("--max-images 3",)), (("--accelerator", "mps"), ("no accelerator 'mps'",)),
    (("--device", "host", "--runtime", "mock"), ("'mock' is no known runtime of device 'host'",)),
])
def test_names_and_options(tmp_path: Path, arguments, words):
    edgenas("search", *ASKED, *arguments, "--out", tmp_path / "run").refused(2, *words)
    assert files(tmp_path) == {}


def image(path: Path, value: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((8, 8), value, np.uint8)).save(path)


def photos(folder: Path, classes: int = 2, each: int = 12) -> Path:
    for label in range(classes):
        for index in range(each):
            image(folder / f"class{label}" / f"{index}.png", 20 * index + label)
    return folder


def test_folders_of_images(tmp_path: Path):
    def refused(folder: Path, *words: str) -> None:
        before = files(tmp_path)
        edgenas("search", *ASKED, "--data", folder, "--out", tmp_path / "run").refused(2, *words)
        assert files(tmp_path) == before and not (tmp_path / "run").exists()

    refused(tmp_path / "nosuch", f"there is no file or folder {tmp_path / 'nosuch'}")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "has no sub-folders, but each class is a sub-folder")
    (tmp_path / "hollow" / "cats").mkdir(parents=True)
    refused(tmp_path / "hollow", "the class folder", "is empty")
    refused(photos(tmp_path / "one", classes=1), "one class")
    texts = photos(tmp_path / "texts")
    (texts / "class1" / "note.jpg").write_text("not an image")
    refused(texts, "note.jpg", "--on-bad-image skip")


def test_a_text_file_named_jpg_is_left_out_when_asked_and_recorded(tmp_path: Path):
    texts = photos(tmp_path / "texts")
    (texts / "class1" / "note.jpg").write_text("not an image")
    done = edgenas("search", *ASKED, "--data", texts, "--on-bad-image", "skip", "--out", tmp_path / "run")
    assert done.code == 0, done.err
    assert json.loads((tmp_path / "run" / "data.json").read_text())["skipped"] == ["class1/note.jpg"]


def test_a_folder_of_something_else(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("mine")
    edgenas("run", *ASKED, "--out", tmp_path).refused(2, f"{tmp_path} exists and is no run of edgenas", "--out")
    edgenas("run", *ASKED, "--out", tmp_path / "notes.txt").refused(2, "exists and is no run of edgenas")
    edgenas("run", *ASKED, "--out", tmp_path / "notes.txt" / "run").refused(2, "cannot write")
    assert files(tmp_path) == {"notes.txt": b"mine"}


@pytest.mark.parametrize("command", ["train", "export", "verify", "report"])
def test_a_folder_without_a_run(tmp_path: Path, command):
    edgenas(command, tmp_path).refused(2, f"{tmp_path} holds no run", "edgenas run --out")
    edgenas(command, tmp_path / "nosuch").refused(2, "holds no run")


@pytest.mark.parametrize("command", ["train", "export", "verify", "report"])
def test_a_damaged_run(tmp_path: Path, command):
    for content in (b"{", b"\xff\x00", b"[]"):
        (tmp_path / "run.json").write_bytes(content)
        edgenas(command, tmp_path).refused(2, str(tmp_path / "run.json"))


@pytest.mark.parametrize("command", ["train", "export", "verify"])
def test_an_architecture_of_another_space(counted: Finished, tmp_path: Path, command):
    out = shutil.copytree(counted.folder, tmp_path / "run")
    (out / "weights.safetensors").unlink()
    for content, words in ((b'{"stage1.block1": "mbconv_k3_e3"}', "is of another space"),
                           (b"[1]", "is no architecture"), (b"\xff", "is no readable architecture")):
        (out / "architecture.json").write_bytes(content)
        before = files(out)
        edgenas(command, out).refused(2, words)
        assert files(out) == before


@pytest.fixture
def small_disk(tmp_path: Path):
    """A disk of 300 KiB, on which only the superuser can make files without room."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a small disk is not permitted")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.skipif(shutil.which("mount") is None, reason="there is no program 'mount'")
def test_a_disk_that_fills_up_and_is_emptied_again(small_disk: Path):
    filler = small_disk / "filler"
    filler.write_bytes(b"\0" * 240_000)
    asked = ("search", *DIGITS, *MOCK, *OWN_SPACE, "--strategy", "snas", "--set", "search.candidates=1",
             "--search-epochs", "1", "--budget", "macs=69%", "--out", small_disk / "run")
    edgenas(*asked).refused(2, "cannot write", "checkpoint.pt: No space left on device", "free some space")
    assert set(files(small_disk / "run")) == {"run.json", "data.json"}
    filler.unlink()
    done = edgenas(*asked, "--resume")
    assert done.code == 0, done.err

    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    before = files(small_disk)
    edgenas("train", small_disk / "run").refused(2, "cannot write", "Read-only file system")
    edgenas("search", *asked[1:-1], small_disk / "other").refused(2, "cannot write", "Read-only file system")
    assert files(small_disk) == before


def test_the_profiles_folder_is_the_environment_s_unless_one_is_given(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("EDGENAS_PROFILES", os.fspath(tmp_path / "file"))
    (tmp_path / "file").write_text("")
    edgenas("profile", *DIGITS, *MOCK, *OWN_SPACE).refused(2, "cannot write", str(tmp_path / "file"))
