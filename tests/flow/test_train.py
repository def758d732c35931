from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from edgenas.errors import UserCodeError
from edgenas.flow.inheritance import inherits
from edgenas.flow.run import Run
from edgenas.flow.train import initial_network, supernet_of, teacher_of, train_phase
from edgenas.flow.work import Work
from edgenas.progress import Silent
from edgenas.space import pick

from .flows import QUICK, Finished, copied, edgenas, succeed


@pytest.fixture
def run(finished: Finished, tmp_path: Path) -> Run:
    return Run.open(copied(finished, tmp_path / "run"))


@pytest.fixture
def work(run: Run) -> Work:
    return Work(run)


def changed(run: Run, **values: object) -> Work:
    return Work(Run(run.folder, run.config.model_copy(update=values)))


def teacher(tmp_path: Path, body: str) -> str:
    path = tmp_path / "teachers.py"
    path.write_text(f"import torch\nfrom torch import nn\ndef make(task):\n    {body}\n")
    return f"{path}:make"


def same(one: nn.Module, other: nn.Module) -> bool:
    ours, theirs = one.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_the_network_starts_from_the_supernet_s_weights_unless_told_otherwise(run: Run, work: Work):
    inherited = initial_network(work, run.architecture)
    assert same(inherited, pick(supernet_of(work), run.architecture))
    scratch = changed(run, inherit=False)
    assert same(initial_network(scratch, run.architecture), initial_network(scratch, run.architecture))
    assert not same(initial_network(scratch, run.architecture), inherited)


@pytest.mark.parametrize("strategy", ["pc_darts", "random"])
def test_weights_that_fit_no_whole_network_are_not_inherited(run: Run, strategy):
    """The weights of the supernet, here of another strategy, are there, but not taken."""
    other = changed(run, strategy=strategy)
    assert inherits(run) and not other.inherits
    assert same(initial_network(other, run.architecture), initial_network(changed(run, inherit=False),
                                                                          run.architecture))


def test_a_trained_run_is_not_trained_again(run: Run, monkeypatch):
    monkeypatch.setattr("edgenas.flow.train.train", lambda *_, **__: pytest.fail("trained again"))
    train_phase(Work(run), Silent())


def test_training_with_the_supernet_as_teacher_ends_elsewhere(run: Run, finished: Finished):
    for name in ("weights.safetensors", "train.json", "train/checkpoint.pt"):
        (run.folder / name).unlink()
    distilled = changed(run, distill="supernet")
    train_phase(distilled, Silent())
    assert not same(distilled.network(), Work(Run.open(finished.folder)).network())
    assert set(json.loads((distilled.run.folder / "train.json").read_text())["accuracy"]) == {"validation", "test"}


def test_a_teacher_of_one_s_own_is_used(work: Work, tmp_path: Path):
    source = teacher(tmp_path, "return nn.Sequential(nn.Flatten(), nn.Linear(64, len(task.classes)))")
    assert teacher_of(work, source)(torch.zeros(2, 1, 8, 8)).shape == (2, 10)


@pytest.mark.parametrize(("body", "words"), [
    ("return 5", "returned int, not a torch module"),
    ("return nn.Flatten()", r"gives outputs of shape \(1, 64\), not \(1, 10\)"),
    ("return nn.Linear(3, 10)", "failed: RuntimeError"),
    ("raise SystemExit", r"line 4: it ends the program"), ("return make(task)", "line 4: RecursionError"),
    ("return task.nothing", r"failed in .*teachers.py, line 4: AttributeError"),
])
def test_a_teacher_that_cannot_teach_is_one_sentence(work: Work, tmp_path: Path, body, words):
    with pytest.raises(UserCodeError, match=words):
        teacher_of(work, teacher(tmp_path, body))


@pytest.mark.parametrize(("source", "words"), [
    ("supernet", ("strategy 'random' trains no supernet",)), ("nonsense", ("names no function", "--distill")),
    ("nosuch.module:make", ("cannot import 'nosuch.module'",)), ("os.path:joyn", ("did you mean 'join'",)),
    ("nosuch.py:make", ("there is no Python file nosuch.py",)),
])
def test_a_teacher_that_is_not_there_is_refused_before_the_run_begins(tmp_path: Path, source, words):
    edgenas("run", *QUICK, "--budget", "macs=69%", "--distill", source, "--out", tmp_path / "run").refused(2, *words)
    assert not (tmp_path / "run").exists()


def test_a_supernet_that_was_trained_in_part_is_no_teacher(tmp_path: Path):
    edgenas("run", *QUICK, "--strategy", "pc_darts", "--budget", "macs=69%", "--distill", "supernet", "--out",
            tmp_path / "run").refused(2, "strategy 'pc_darts' trains no whole supernet")


def test_a_damaged_checkpoint_is_refused(run: Run):
    (run.folder / "weights.safetensors").unlink()
    (run.folder / "train" / "checkpoint.pt").write_bytes(b"garbage")
    edgenas("train", run.folder).refused(2, f"the checkpoint {run.folder / 'train' / 'checkpoint.pt'}")


def test_training_before_the_search_is_done_says_so(run: Run):
    (run.folder / "architecture.json").unlink()
    edgenas("train", run.folder).refused(2, "the search in", "is not finished", "--resume")


def test_data_that_changed_is_refused(tmp_path: Path):
    import numpy as np
    from sklearn.datasets import load_digits

    digits = load_digits()
    path, out = tmp_path / "digits.npz", tmp_path / "run"
    images = (digits.images[:200] * 15).astype(np.uint8)
    np.savez(path, images=images, labels=digits.target[:200])
    asked = ("search", *QUICK, "--data", path, "--budget", "macs=69%", "--out", out)
    succeed(*asked)
    np.savez(path, images=images[:, ::-1], labels=digits.target[:200])
    edgenas("train", out).refused(2, f"the data {path} changed since the run in {out} began", "restore the data")
    edgenas(*asked, "--resume").refused(2, "holds another run: its data_fingerprint")
    path.unlink()
    edgenas("train", out).refused(2, f"there is no file {path}")
    assert not (out / "weights.safetensors").exists()
