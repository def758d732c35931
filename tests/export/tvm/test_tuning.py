from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import tvm
from torch import nn
from tvm_ffi import structural_equal

from edgenas.errors import UsageError
from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.check.session import open_session
from edgenas.export.exporters.tvm import relax_module
from edgenas.export.ir.tracing import trace
from edgenas.export.package.contents import tuned
from edgenas.export.tvm import race as tvm_race
from edgenas.export.tvm import tuning as tvm_tuning
from edgenas.export.tvm.build import scheduled
from edgenas.export.tvm.target import compiler
from edgenas.export.tvm.trials import Trial
from edgenas.export.tvm.tuning import Tuning


@pytest.fixture(autouse=True)
def short(monkeypatch) -> None:
    monkeypatch.setenv("TVM_NUM_THREADS", "1")
    for name in ("TRIAL_S", "CHOICE_S", "NETWORK_S"):
        monkeypatch.setattr(tvm_tuning, name, 0.002)


def net() -> nn.Module:
    """Two equal blocks behind one that reads the image."""
    torch.manual_seed(0)
    return nn.Sequential(*[nn.Sequential(nn.Conv2d(16, 16, 3, padding=1), nn.ReLU()) for _ in range(3)]).eval()


def item(path: Path) -> Export:
    return Export(net(), torch.randn(1, 16, 6, 6, generator=torch.Generator().manual_seed(1)), path)


def records(folder: Path) -> list[Trial]:
    (path,) = folder.glob("*-1t.jsonl")
    return [Trial.model_validate_json(line) for line in path.read_text().splitlines()]


def racing(first: float, second: float):
    """In place of race(): these times, in seconds."""
    return lambda runs, seconds: [[time] * 3 for time in (first, second)[:len(runs)]]


@functools.cache
def program():
    own = item(Path("net.so"))
    return relax_module(own, trace([own])), tvm.target.Target(compiler("host").target)


def by_tuning(folder: Path, minutes: float):
    return scheduled(*program(), Tuning(minutes, folder))


def test_what_is_tuned_computes_the_same_and_says_what_was_measured(tmp_path: Path) -> None:
    own, trials = item(tmp_path / "net.so"), tmp_path / "trials"
    exporter("tvm").tuned(Tuning(0.02, trials)).export([own])
    found = open_session(own.path, "tvm").predict(own.example.numpy())
    torch.testing.assert_close(torch.from_numpy(found), own.module(own.example).detach(), rtol=1e-4, atol=1e-5)
    record = tuned(own.path)
    assert record and record.threads == 1 and record.trials == len(records(trials)) > 0
    assert sorted(kernel.calls for kernel in record.kernels) == [1, 2]
    assert all(kernel.rule_us > 0 for kernel in record.kernels)
    assert sum(kernel.trials for kernel in record.kernels) == record.trials


def test_the_search_goes_on_where_it_ended_until_nothing_is_left(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(tvm_tuning, "race", racing(1e-6, 2e-6))
    monkeypatch.setattr(tvm_tuning.Kernel, "run", lambda kernel, variant: None)
    monkeypatch.setattr(tvm_tuning, "TRIAL_S", 0)
    first = by_tuning(tmp_path, 1).tuned
    known = records(tmp_path)
    assert first.trials == len(known) == len({(trial.kernel, trial.variant) for trial in known}) > 15
    assert len({trial.kernel for trial in known}) == 2
    second = by_tuning(tmp_path, 1).tuned
    assert second.trials == 0 and records(tmp_path) == known
    assert [kernel.trials for kernel in second.kernels] == [kernel.trials for kernel in first.kernels]


def test_a_search_that_is_interrupted_keeps_what_was_tried(tmp_path: Path, monkeypatch) -> None:
    times = iter([racing(1e-6, 2e-6)] * 3)

    def race(runs, seconds):
        made = next(times, None)
        if made is None:
            raise KeyboardInterrupt
        return made(runs, seconds)

    monkeypatch.setattr(tvm_tuning, "race", race)
    with pytest.raises(KeyboardInterrupt):
        by_tuning(tmp_path, 1)
    assert len(records(tmp_path)) == 3


def interrupt(kernel) -> None:
    raise KeyboardInterrupt


def planted(folder: Path, monkeypatch) -> None:
    """A database in which one other schedule of each kernel was twice as fast."""
    with monkeypatch.context() as patch:
        patch.setattr(tvm_tuning, "race", racing(2e-6, 1e-6))
        patch.setattr(tvm_tuning.Kernel, "next", lambda kernel: None if kernel.known else kernel.variants[1])
        patch.setattr(tvm_tuning, "choice", interrupt)
        with pytest.raises(KeyboardInterrupt):
            by_tuning(folder, 1)
    assert [trial.ratio for trial in records(folder)] == [0.5, 0.5]


@pytest.mark.parametrize(("kernel_us", "network_s", "taken"), [
    (1.0, 1e-3, True), (3.0, 1e-3, False), (1.0, 3e-3, False)])
def test_what_is_measured_to_be_slower_now_is_not_taken(
        kernel_us: float, network_s: float, taken: bool, tmp_path: Path, monkeypatch) -> None:
    planted(tmp_path, monkeypatch)
    monkeypatch.setattr(tvm_tuning, "race", racing(2e-6, kernel_us * 1e-6))
    monkeypatch.setattr(tvm_race, "race", racing(2e-3, network_s))
    found = by_tuning(tmp_path, 0)
    by_rule = scheduled(*program())
    assert structural_equal(found.module, by_rule.module) is not taken
    assert found.tuned.trials == 0
    assert [(kernel.rule_us, kernel.tuned_us, kernel.taken) for kernel in found.tuned.kernels] == [
        (pytest.approx(2.0), pytest.approx(kernel_us), taken)] * 2
    whole = None if kernel_us > 2 else (2.0, 1e3 * network_s)
    assert whole == (None if found.tuned.rule_ms is None else (found.tuned.rule_ms, found.tuned.tuned_ms))


def test_no_more_time_is_spent_than_was_given(tmp_path: Path) -> None:
    tuning = Tuning(0, tmp_path)
    assert tuning.left_s == 0
    assert replace(tuning, minutes=1, spent_s=45).left_s == 15
    assert replace(tuning, minutes=1, spent_s=75).left_s == 0


def test_another_target_cannot_be_tuned_here(tmp_path: Path) -> None:
    own = item(tmp_path / "net.so")
    with pytest.raises(UsageError, match="measures kernels on this machine, and the target 'aarch64' is another"):
        exporter("tvm").tuned(Tuning(1, tmp_path)).export([own], target="aarch64")
    assert not any(tmp_path.iterdir())


def test_other_formats_cannot_be_tuned(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the format 'onnx' cannot be tuned"):
        exporter("onnx").tuned(Tuning(1, tmp_path))


def test_int8_cannot_be_tuned(tmp_path: Path) -> None:
    own = replace(item(tmp_path / "net.so"), calibration=torch.randn(4, 16, 6, 6))
    with pytest.raises(UsageError, match="--tune is for fp32: no rule of ours schedules the convolutions of int8"):
        exporter("tvm").tuned(Tuning(1, tmp_path)).export([own], precision="int8")
    assert not any(tmp_path.iterdir())


def test_a_damaged_database_is_refused_and_no_file_is_written(tmp_path: Path) -> None:
    path = tmp_path / "trials" / f"{program()[1].attrs['mcpu']}-1t.jsonl"
    path.parent.mkdir()
    path.write_text("nonsense\n")
    with pytest.raises(UsageError, match="is no trial"):
        exporter("tvm").tuned(Tuning(1, path.parent)).export([item(tmp_path / "net.so")])
    assert list(tmp_path.iterdir()) == [path.parent]
