from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from edgenas.errors import CheckpointError, RunError, StorageError
from edgenas.files import write_json
from edgenas.flow.records import KINDS, Decoding
from edgenas.flow.run import Run
from edgenas.flow.work import Work
from edgenas.record import Kept
from edgenas.space import Architecture
from edgenas.train.weights import load_weights, save_weights

from .flows import Finished, copied, edgenas, files
from .test_config import CONFIG


@pytest.fixture
def run(counted: Finished, tmp_path: Path) -> Run:
    return Run.open(copied(counted, tmp_path / "run"))


def test_a_run_is_created_once_and_gone_on_with_only_when_asked(tmp_path: Path):
    folder = tmp_path / "a" / "run"
    assert Run.create(folder, CONFIG, resume=False).config == CONFIG
    with pytest.raises(RunError, match="holds this run already") as error:
        Run.create(folder, CONFIG, resume=False)
    assert "--resume" in error.value.hint
    again = Run.create(folder, CONFIG.model_copy(update={"created": "later"}), resume=True)
    assert again.config.created == CONFIG.created


def test_resuming_what_was_never_begun_begins_it(tmp_path: Path):
    assert Run.create(tmp_path / "run", CONFIG, resume=True).config == CONFIG


def test_another_run_is_replaced_only_while_nothing_was_done(tmp_path: Path):
    folder, other = tmp_path / "run", CONFIG.model_copy(update={"seed": 5})
    write_json(Run.create(folder, CONFIG, resume=False).folder / "data.json", {})
    assert Run.create(folder, other, resume=False).config.seed == 5
    (folder / "search").mkdir()
    for resume in (True, False):
        with pytest.raises(RunError, match="holds another run: its seed is 5, not 0"):
            Run.create(folder, CONFIG, resume=resume)
    assert json.loads((folder / "run.json").read_text())["seed"] == 5


@pytest.mark.parametrize("make", [lambda p: (p.mkdir(), (p / "thesis.tex").write_text("x")),
                                  lambda p: p.write_text("a file")])
def test_a_folder_of_something_else_is_left_alone(tmp_path: Path, make):
    make(tmp_path / "out")
    before = files(tmp_path)
    with pytest.raises(RunError, match="exists and is no run of edgenas"):
        Run.create(tmp_path / "out", CONFIG, resume=True)
    assert files(tmp_path) == before


def test_an_empty_folder_can_be_used(tmp_path: Path):
    assert Run.create(tmp_path, CONFIG, resume=False).folder == tmp_path


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot write"):
        Run.create(tmp_path / "file" / "run", CONFIG, resume=False)


def test_a_full_disk_leaves_no_half_file(tmp_path: Path, monkeypatch):
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space left on device") as error:
        Run.create(tmp_path / "run", CONFIG, resume=False)
    assert error.value.hint and files(tmp_path) == {}
    with pytest.raises(StorageError, match="No space left on device"):
        save_weights(Run(tmp_path / "run", CONFIG).weights(), nn.Linear(2, 2))
    assert files(tmp_path) == {}


def test_saved_weights_are_loaded_again(run: Run):
    network = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    save_weights(run.weights("other"), network)
    other = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    load_weights(run.weights("other"), other, "a command")
    assert all(torch.equal(value, other.state_dict()[key]) for key, value in network.state_dict().items())


@pytest.mark.parametrize("damage", [lambda p: p.write_bytes(p.read_bytes()[:-9]), lambda p: p.write_bytes(b"\0" * 9),
                                    lambda p: p.write_text("")])
def test_damaged_weights_are_one_sentence(run: Run, damage):
    damage(run.folder / "weights.safetensors")
    with pytest.raises(CheckpointError, match="weights.safetensors is damaged") as error:
        Work(run).network()
    assert "\n" not in error.value.message
    assert error.value.hint == f"delete it, then edgenas train {run.folder}"


def test_weights_of_another_network_are_refused(run: Run):
    path = run.folder / "weights.safetensors"
    weights = load_file(path)
    weights.pop(next(iter(weights)))
    save_file(weights, path)
    with pytest.raises(CheckpointError, match="holds the weights of another network"):
        Work(run).network()


def test_missing_weights_say_the_command_that_makes_them(run: Run):
    (run.folder / "weights.safetensors").unlink()
    with pytest.raises(RunError, match="there is no weights.safetensors") as error:
        Work(run).network()
    assert error.value.hint == f"edgenas train {run.folder}"


def test_another_architecture_than_the_trained_one_is_refused(run: Run):
    Architecture({"1": "skip", "2": "skip"}).save(run.folder / "architecture.json")
    with pytest.raises(CheckpointError, match="holds the weights of another network"):
        Work(run).network()


@pytest.mark.parametrize(("picks", "words"), [
    ({"stage1.block1": "mbconv_k3_e3"}, "no choice 'stage1.block1'"), ({"1": "wide"}, "a choice '2' that it lacks"),
    ({"1": "wide", "2": "huge"}, "'huge' is no candidate of '2'"),
])
def test_an_architecture_of_another_space_is_refused(run: Run, picks, words):
    (run.folder / "architecture.json").write_text(json.dumps(picks))
    with pytest.raises(RunError, match="the architecture is of another space") as error:
        _ = Work(run).architecture
    assert words in error.value.message


def test_an_unfinished_search_says_how_to_finish_it(run: Run):
    (run.folder / "architecture.json").unlink()
    with pytest.raises(RunError, match="is not finished") as error:
        _ = run.architecture
    assert error.value.hint.endswith("--resume") and "edgenas run --data digits" in error.value.hint


def test_a_damaged_record_is_named(run: Run):
    (run.folder / "decoding.json").write_text('{"models": ')
    with pytest.raises(RunError, match="decoding.json is damaged"):
        Decoding.read(run.folder)
    assert Decoding.read(run.folder, "nothing.json") is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [[], 3, "text", {"models": 3, "history": 3, "artifacts": 3, "name": 3, "a": 3,
                                                   "settings": 3}])
def test_a_record_of_another_shape_is_named_with_the_place(run: Run, kind: type[Kept], value: object):
    name = kind.FILE
    (run.folder / name).write_text(json.dumps(value))
    with pytest.raises(RunError, match=f"{name} is damaged: ") as error:
        kind.read(run.folder)
    assert len(error.value.message) < 700


@pytest.mark.parametrize(("name", "damage", "words"), [
    ("decoding.json", lambda v: v["rounds"].clear(), "its architecture is that of no round"),
    ("decoding.json", lambda v: [r.update(within=False) for r in v["rounds"]], "no round is within the budgets"),
    ("decoding.json", lambda v: v["predicted"].update(macs=float("nan")), "predicted.macs: "),
    ("verify.json", lambda v: [b.update(measured=None, predicted=None) for b in v["budgets"]], "there is no figure of"),
    ("verify.json", lambda v: v["artifacts"].clear(), "there is no fp32 artifact"),
    ("train.json", lambda v: v.update(accuracy={}), "accuracy.validation: Field required"),
])
def test_a_report_of_a_damaged_record_is_refused(run: Run, name: str, damage, words: str):
    (run.folder / "report.html").unlink()
    value = json.loads((run.folder / name).read_text())
    damage(value)
    (run.folder / name).write_text(json.dumps(value))
    edgenas("report", run.folder).refused(2, f"{run.folder / name} is damaged", words)
    assert not (run.folder / "report.html").exists()


def test_pipes_and_links_are_no_records_and_no_weights(run: Run):
    for name in ("decoding.json", "run.json", "weights.safetensors", "architecture.json"):
        (run.folder / name).unlink()
        os.mkfifo(run.folder / name)
    with pytest.raises(RunError, match="is a pipe, not a regular file"):
        Run.open(run.folder)
    with pytest.raises(RunError, match="is a pipe"):
        Decoding.read(run.folder)
    with pytest.raises(CheckpointError, match="is a pipe"):
        load_weights(run.weights(), nn.Linear(1, 1), "a command")
    with pytest.raises(RunError, match="is a pipe"):
        Architecture.load(run.folder / "architecture.json")
