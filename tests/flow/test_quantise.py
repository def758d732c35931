"""int8 files of a trained network, with the accuracy that they lose."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from edgenas.export.package import manifest
from edgenas.flow import quantise
from edgenas.flow.run import Run
from edgenas.flow.work import Work
from edgenas.train.weights import save_weights

from .flows import Finished, copied, edgenas, files, succeed


@pytest.fixture
def run(counted: Finished, tmp_path: Path) -> Run:
    return Run.open(copied(counted, tmp_path / "run"))


class Wrong:
    """A runtime whose file is never right."""

    def __init__(self, labels) -> None:
        self.labels = labels.numpy()

    def predict(self, images):
        return np.eye(10, dtype=np.float32)[(self.labels + 1) % 10]


def test_an_int8_file_says_what_it_lost(run: Run):
    before, task = {a.path for a in manifest.read(run.artifacts).artifacts}, Work(run).task
    done = succeed("export", run.folder, "--format", "onnx", "--format", "tflite", "--precision", "int8",
                   "--max-drop", "10", "--json").document
    made = {a.path: a for a in manifest.Manifest.model_validate(
        {name: value for name, value in done.items() if name not in ("run", "warnings")}).artifacts}
    assert set(made) == before | {"model.int8.onnx", "model.int8.tflite"}
    assert made["model.onnx"].precision == "fp32" and made["model.onnx"].quantisation is None
    for name in ("model.int8.onnx", "model.int8.tflite"):
        q = made[name].quantisation
        assert made[name].precision == "int8" and q is not None
        assert q.validation_images == len(task.validation) == made[name].parity_images
        assert q.drop_points == pytest.approx(100 * (q.validation_accuracy_fp32 - q.validation_accuracy_int8))
        assert q.max_drop_points == 10 and 0 < q.calibration_images <= len(task.train)
        assert made[name].agreement > 0.8
    assert made["model.int8.onnx"].runtime == "mock" and made["model.int8.tflite"].runtime == "litert"


def test_verify_runs_int8_files_and_binds_the_run_s_own_precision(run: Run):
    succeed("export", run.folder, "--format", "onnx", "--precision", "int8", "--max-drop", "10")
    rows = succeed("verify", run.folder, "--json").document["artifacts"]
    assert [(row["precision"], row["runtime"]) for row in rows] == [("fp32", "mock"), ("int8", "mock")]
    fp32, int8 = rows
    assert int8["measured_latency_ms"] < fp32["measured_latency_ms"]
    assert abs(int8["test_accuracy"] - fp32["test_accuracy"]) < 0.1 and int8["max_abs"] > fp32["max_abs"]


def test_a_file_that_loses_more_is_refused_with_the_figures_and_what_was_there_stays(run: Run, monkeypatch):
    succeed("export", run.folder, "--format", "onnx", "--precision", "int8", "--max-drop", "10")
    before = files(run.artifacts)
    labels = Work(run).task.validation.labels
    monkeypatch.setattr(quantise, "open_session", lambda *_: Wrong(labels))
    asked = ("export", run.folder, "--format", "onnx", "--precision", "int8", "--set", "qat.epochs=1")
    text = edgenas(*asked).refused(4, "model.int8.onnx is refused", "points lost", "0.5 points are allowed")
    assert text.count(f"0.00% of {len(labels)} validation images") == 2
    assert files(run.artifacts) == before


@pytest.mark.parametrize(("arguments", "words"), [
    (("--max-drop", "-1"), ("--max-drop -1 is no number of points", "--max-drop 0.5")),
    (("--max-drop", "nan"), ("--max-drop nan",)),
    (("--format", "binary"), ("the format 'binary' has no precision 'int8'", "its precisions: fp32")),
])
def test_what_cannot_be_asked_for(run: Run, arguments, words):
    before = files(run.folder)
    edgenas("export", run.folder, "--precision", "int8", *arguments).refused(2, *words)
    assert files(run.folder) == before


def test_weights_that_are_not_finite(run: Run):
    network = Work(run).network()
    next(network.parameters()).data.fill_(float("nan"))
    save_weights(run.weights(), network)
    edgenas("export", run.folder, "--precision", "int8").refused(4, "holds values that are not finite")
    assert not (run.artifacts / "model.int8.onnx").exists()


def test_a_run_may_be_for_int8_from_the_start(counted: Finished, tmp_path: Path):
    command = json.loads((counted.folder / "run.json").read_text())["command"][1:]
    asked = [tmp_path / "run" if word == str(counted.folder) else word for word in command]
    done = succeed(*asked, "--precision", "int8", "--max-drop", "10").document
    assert [(a["format"], a["precision"]) for a in done["artifacts"]] == [("onnx", "int8")]
    assert Run.open(tmp_path / "run").config.precision == "int8"
