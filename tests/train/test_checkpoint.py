from __future__ import annotations

import contextlib
import os
import pickle
import resource
import signal
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
import torch
from torch import nn

from edgenas.errors import CheckpointError, StorageError
from edgenas.record import Record
from edgenas.train.checkpoint import Checkpoint, epoch_generator
from edgenas.train.history import TrialEpoch


class Row(Record):
    loss: float = 0.0
    budgets: dict[str, dict[str, float]] = {}


def parts(width: int = 3) -> dict[str, nn.Module]:
    torch.manual_seed(0)
    return {"one": nn.Linear(width, 2), "two": nn.BatchNorm1d(width)}


def test_what_was_saved_is_restored_with_its_history(tmp_path: Path) -> None:
    ours = parts()
    saved = Checkpoint(tmp_path / "c.pt", ours, Row)
    nn.init.constant_(ours["one"].get_parameter("weight"), 7.0)
    saved.save(Row(loss=0.5, budgets={"macs": {"expected": 3.0}}))
    nn.init.constant_(ours["one"].get_parameter("weight"), 8.0)
    saved.save(Row(loss=0.25))
    other = Checkpoint(tmp_path / "c.pt", parts(), Row)
    other.restore()
    assert other.epochs == 2
    assert [row.to_json() for row in other.history] == [{"loss": 0.5, "budgets": {"macs": {"expected": 3.0}}},
                                                        {"loss": 0.25}]
    for name, part in other.parts.items():
        assert all(torch.equal(value, ours[name].state_dict()[key]) for key, value in part.state_dict().items())


def test_without_a_file_nothing_is_restored(tmp_path: Path) -> None:
    ours = parts()
    saved = Checkpoint(tmp_path / "c.pt", ours, Row)
    saved.restore()
    assert saved.epochs == 0
    assert torch.equal(ours["one"].get_parameter("weight"), parts()["one"].get_parameter("weight"))


def test_a_failed_save_keeps_the_epoch_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = Checkpoint(tmp_path / "c.pt", parts(), Row)
    saved.save(Row(loss=1.0))

    def half(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(KeyboardInterrupt):
        saved.save(Row(loss=2.0))
    other = Checkpoint(tmp_path / "c.pt", parts(), Row)
    other.restore()
    assert [row.to_json() for row in other.history] == [{"loss": 1.0}]
    assert [p.name for p in tmp_path.iterdir()] == ["c.pt"]


@contextlib.contextmanager
def small_files(limit: int) -> Iterator[None]:
    """No file may grow beyond `limit` bytes, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    saved = Checkpoint(path, {"a": nn.Linear(100, 100)}, Row)
    with pytest.raises(StorageError) as caught, small_files(4096):
        saved.save(Row(loss=1.0))
    assert caught.value.message == f"cannot write {path}: File too large"
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    Checkpoint(tmp_path / "c.pt", parts(), Row).save(Row())
    with pytest.raises(CheckpointError, match=r"the checkpoint .*c\.pt does not fit: .*size mismatch"):
        Checkpoint(tmp_path / "c.pt", parts(width=4), Row).restore()
    with pytest.raises(CheckpointError, match="does not fit"):
        Checkpoint(tmp_path / "c.pt", {"three": nn.Linear(1, 1)}, Row).restore()


def test_a_truncated_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    Checkpoint(path, parts(), Row).save(Row())
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=r"c\.pt does not fit") as caught:
        Checkpoint(path, parts(), Row).restore()
    assert "start the run anew" in caught.value.hint


class Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("harmed"),)  # type: ignore[return-value]


@pytest.mark.parametrize("as_torch", [True, False])
def test_nothing_in_a_checkpoint_is_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_torch: bool) -> None:
    monkeypatch.chdir(tmp_path)
    if as_torch:
        torch.save({"parts": Harmful(), "history": []}, "c.pt")
    else:
        Path("c.pt").write_bytes(pickle.dumps(Harmful()))
    with pytest.raises(CheckpointError):
        Checkpoint(Path("c.pt"), parts(), Row).restore()
    assert not Path("harmed").exists()


def test_the_generator_depends_on_all_of_its_arguments_and_on_nothing_else() -> None:
    keys = list(product((0, 1, 11), (0, 1, 10), ("order", "paths")))
    draws = [torch.rand(4, generator=epoch_generator(*key)) for key in keys]
    torch.manual_seed(5)
    again = [torch.rand(4, generator=epoch_generator(*key)) for key in reversed(keys)]
    assert all(torch.equal(a, b) for a, b in zip(draws, reversed(again), strict=True))
    assert len({tuple(d.tolist()) for d in draws}) == len(keys)


@pytest.mark.parametrize(("content", "words"), [
    ({"parts": {}}, "history"), ({"parts": {}, "history": 3}, "no list of rows"),
    ({"parts": {}, "history": [{"loss": "low"}]}, "row 0 of its history has no number 'loss'"),
    ([], "does not fit"), ({"history": []}, "parts"),
])
def test_a_checkpoint_of_another_shape_is_refused(tmp_path: Path, content: object, words: str) -> None:
    torch.save(content, tmp_path / "c.pt")
    with pytest.raises(CheckpointError, match="does not fit") as caught:
        Checkpoint(tmp_path / "c.pt", {}, TrialEpoch).restore() if "parts" in str(content) else Checkpoint(
            tmp_path / "c.pt", parts(), Row).restore()
    assert words in caught.value.message


def test_a_pipe_or_a_link_is_no_checkpoint(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CheckpointError, match="is a pipe, not a regular file"):
        Checkpoint(tmp_path / "pipe", parts(), Row).restore()
    Checkpoint(tmp_path / "c.pt", parts(), Row).save(Row())
    (tmp_path / "link").symlink_to(tmp_path / "c.pt")
    with pytest.raises(CheckpointError, match="is a link"):
        Checkpoint(tmp_path / "link", parts(), Row).restore()
