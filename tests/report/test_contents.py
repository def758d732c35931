from __future__ import annotations

import shlex

import pytest

from edgenas.errors import RunError
from edgenas.flow.run import Run
from edgenas.report.contents import read

from .runs import PHASES, SHA, files_after, write


def test_phases_that_are_not_done_are_none(make):
    run = make()
    assert (run.data, run.search, run.decoding, run.training, run.manifest, run.verdict) == (None,) * 6
    assert not run.baselines and run.budgets == ()


def test_a_finished_run_is_read_whole(finished):
    assert finished.data.fingerprint == SHA
    assert len(finished.search.history) == 3
    assert finished.decoding.chosen.measured == {"latency_ms": 0.3812}
    assert finished.training.accuracy.test == 0.825
    assert finished.verdict.bound.format == "onnx"
    assert finished.manifest.artifacts[0].agreement == 0.95
    assert set(finished.baselines) == {"mobilenet_v2_like", "random_1"}


def test_neither_data_nor_device_are_touched(finished):
    # The run's data, `./my photos`, does not exist, and no device was profiled.
    assert finished.config.data == "./my photos"


def test_verified_figures(make):
    assert make("search").verified("latency_ms") is None
    assert make(*PHASES).verified("latency_ms") == 0.3834


def test_exact_metrics_are_counted_others_measured(make):
    def exact(files):
        files["decoding.json"]["models"]["latency_ms"]["exact"] = True

    assert make("search").known("latency_ms") == "measured"
    assert make("search", edit=exact).known("latency_ms") == "counted"
    assert make().known("latency_ms") == "measured"


@pytest.mark.parametrize(("strategy", "inherit", "expected"), [("snas", True, True), ("snas", False, False),
                                                               ("random", True, False), ("pc_darts", True, False)])
def test_who_starts_from_the_supernet(make, strategy, inherit, expected):
    def edit(files):
        files["run.json"].update(strategy=strategy, inherit=inherit)

    assert make(edit=edit).inherits is expected


def test_who_is_built_by_the_default_starts_from_the_supernet(make):
    def edit(files):
        files["run.json"].update(space="cell", build_options={"cells": "8"})

    assert make(edit=edit).inherits


def test_who_is_built_larger_does_not_start_from_the_supernet(make):
    def edit(files):
        files["run.json"].update(build_options={"depth": "2"})

    assert not make(edit=edit).inherits


def test_commands_can_be_pasted_into_a_shell(make):
    run = make("search")
    assert shlex.split(run.recorded_command) == list(run.config.command)
    assert shlex.split(run.search_command) == [*run.config.command, "--resume"]
    report = shlex.split(run.command("report", "--baselines"))
    assert report == ["edgenas", "report", str(run.folder), "--baselines"]


def test_resume_is_not_asked_for_twice(make):
    def edit(files):
        files["run.json"]["command"].append("--resume")

    assert make(edit=edit).search_command.count("--resume") == 1


def test_no_later_phase_is_advised_before_a_network_is_found(make):
    assert make().command("train") == ""


def remove(*keys):
    def edit(value):
        for key in keys[:-1]:
            value = value[key]
        del value[keys[-1]]
    return edit


def put(key, content):
    def edit(value):
        value[key] = content
    return edit


@pytest.mark.parametrize(("name", "edit", "says"), [
    ("train.json", remove("accuracy", "test"), "accuracy.test"),
    ("train.json", put("history", []), "history"),
    ("search.json", put("history", 3), "history"),
    ("decoding.json", put("architecture", {"a": "b"}), "its architecture is that of no round"),
    ("decoding.json", remove("models", "latency_ms"), "every figure of latency_ms"),
    ("decoding.json", remove("rounds", 1, "measured", "latency_ms"), "every figure of latency_ms"),
    ("verify.json", put("runtime", "tvm"), "no fp32 artifact of runtime tvm"),
    ("baselines.json", put("random_1", "no"), "random_1"),
    ("data.json", remove("sizes"), "sizes"),
    ("artifacts/manifest.json", remove("versions"), "versions"),
])
def test_a_damaged_file_is_named(tmp_path, name, edit, says):
    files = files_after(*PHASES)
    edit(files[name])
    run = Run.open(write(tmp_path, files))
    with pytest.raises(RunError) as raised:
        read(run)
    assert name in raised.value.message and says in raised.value.message
    assert raised.value.hint


def test_a_file_cut_short_is_named(tmp_path):
    write(tmp_path, files_after("search"))
    (tmp_path / "search.json").write_text('{"history": [')
    with pytest.raises(RunError, match="search.json is damaged"):
        read(Run.open(tmp_path))
