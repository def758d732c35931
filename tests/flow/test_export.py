from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from edgenas.errors import ExportError
from edgenas.export import exporter
from edgenas.export.package import manifest
from edgenas.flow import parity
from edgenas.flow.artifact import layout
from edgenas.flow.export import is_exported, runtime_for
from edgenas.flow.manifest import describe
from edgenas.flow.run import Run
from edgenas.flow.work import Work

from .flows import Finished, copied, edgenas, files, succeed


@pytest.fixture
def run(counted: Finished, tmp_path: Path) -> Run:
    return Run.open(copied(counted, tmp_path / "run"))


class Wrong:
    """A runtime whose file computes something else."""

    def predict(self, images):
        return np.ones((len(images), 10), np.float32)


def test_a_file_that_computes_something_else_is_removed(run: Run, monkeypatch):
    monkeypatch.setattr(parity, "open_session", lambda *_: Wrong())
    result = edgenas("export", run.folder, "--json")
    result.refused(4, "model.onnx is refused: the exported network does not compute what PyTorch computes",
                   "logits differ by up to", "each of its layers is right when looked at alone")
    assert result.document["error"]["kind"] == "export"
    assert not (run.artifacts / "model.onnx").exists()
    edgenas("verify", run.folder).refused(4, "model.onnx is missing", "export the network again")
    monkeypatch.undo()
    assert [a["path"] for a in succeed("export", run.folder, "--json").document["artifacts"]] == ["model.onnx"]
    succeed("verify", run.folder)


def test_the_manifest_describes_the_file_and_the_run(run: Run):
    document = manifest.read(run.artifacts)
    manifest.verify_hashes(document, run.artifacts)
    assert document.space == run.config.space and document.architecture == dict(run.architecture)
    assert document.classes == tuple("0123456789") and document.seed == 0
    assert document.input.shape == (1, 1, 8, 8) and document.input.preprocessing.channels == "grey"
    assert document.profile_sha256 is None and document.versions["onnx"]
    (artifact,) = document.artifacts
    assert (artifact.format, artifact.runtime, artifact.layout, artifact.target) == ("onnx", "mock", "NCHW", "host")
    assert artifact.operators["Conv"] > 0 and artifact.parity_images == len(Work(run).task.validation)


def test_the_recorded_command_can_be_pasted_into_a_shell(run: Run):
    spaced = Run(run.folder, run.config.model_copy(update={"command": ("edgenas", "run", "--out", "my run")}))
    assert describe(Work(spaced).product(), []).command == "edgenas run --out 'my run'"


def test_an_unknown_format_or_target_is_refused_and_nothing_written(run: Run):
    before = files(run.folder)
    edgenas("export", run.folder, "--format", "onxn").refused(2, "'onxn' is no known export format", "mean 'onnx'?")
    edgenas("export", run.folder, "--target", "aarch46").refused(2, "'aarch46' is no known target", "mean 'aarch64'?")
    edgenas("export", run.folder, "--target", "aarch64", "--cpu", "cortex-72").refused(
        2, "'cortex-72' is no CPU of target 'aarch64'", "mean 'cortex-a72'")
    edgenas("export", run.folder, "--cpu", "cortex-a72").refused(2, "'cortex-a72' was given without", "--target")
    assert files(run.folder) == before


def test_a_missing_extra_says_what_to_install(run: Run, monkeypatch):
    import sys

    monkeypatch.delitem(sys.modules, "ai_edge_litert.schema_py_generated", raising=False)
    for name in ("ai_edge_litert", "onnxscript"):
        monkeypatch.setitem(sys.modules, name, None)
    edgenas("export", run.folder, "--format", "tflite").refused(2, "'ai_edge_litert'", 'pip install "edgenas[tflite]"')
    edgenas("export", run.folder, "--format", "onnx").refused(2, "'onnxscript'", 'pip install "edgenas[onnx]"')


def test_an_exported_program_reads_an_image_by_itself(run: Run, tmp_path: Path):
    work = Work(run)
    digit = work.task.validation.images[0, 0].numpy()
    succeed("export", run.folder, "--format", "binary")
    image = b"P5 8 8 255\n" + digit.tobytes()
    done = subprocess.run([run.artifacts / "model.bin", "--image"], input=image, capture_output=True, check=True)
    with torch.no_grad():
        logits = work.network().eval()(work.task.normalise(work.task.validation.images[:1]))[0]
    found = json.loads(done.stdout)
    np.testing.assert_allclose(found["logits"], logits.numpy(), atol=1e-4)
    assert found["label"] == work.task.classes[int(logits.argmax())]
    assert found["probability"] == pytest.approx(float(logits.softmax(0).max()), abs=1e-4)


def test_a_network_that_is_not_trained_cannot_be_exported(run: Run):
    (run.folder / "weights.safetensors").unlink()
    edgenas("export", run.folder).refused(2, "there is no weights.safetensors", f"edgenas train {run.folder}")


def test_a_damaged_manifest_is_refused(run: Run):
    (run.artifacts / "manifest.json").write_text("{}")
    edgenas("export", run.folder).refused(2, "manifest.json is no manifest")
    edgenas("verify", run.folder).refused(2, "manifest.json is no manifest")


def test_what_is_exported_is_known_by_its_hash(run: Run):
    assert is_exported(run, ["onnx"]) and not is_exported(run, ["onnx", "tflite"])
    (run.artifacts / "model.onnx").write_bytes(b"changed")
    assert not is_exported(run, ["onnx"])
    (run.artifacts / "manifest.json").unlink()
    assert not is_exported(run, ["onnx"])


def test_a_format_is_run_by_the_run_s_own_runtime_first(run: Run):
    assert runtime_for(run, "onnx") == "mock"
    assert runtime_for(run, "tflite") == "litert"
    host = Run(run.folder, run.config.model_copy(update={"device": "host", "runtime": "litert"}))
    assert runtime_for(host, "onnx") == "onnxruntime"


def test_the_layout_follows_from_the_shape():
    assert layout((1, 3, 8, 9), (3, 8, 9)) == "NCHW"
    assert layout((1, 8, 9, 3), (3, 8, 9)) == "NHWC"


def test_a_full_disk_keeps_the_artifact_that_was_there(run: Run, monkeypatch):
    import errno
    import os

    before = files(run.folder)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    edgenas("export", run.folder).refused(2, f"cannot write {run.artifacts / 'model.onnx'}", "No space left on device")
    assert files(run.folder) == before


def test_a_refused_file_for_another_target_is_removed_and_no_other(run: Run, tmp_path: Path):
    file = tmp_path / "model-aarch64.so"
    file.write_bytes(b"x")
    file.with_name(f"{file.name}.json").write_text(json.dumps({}))
    refused = parity.refused(file, exporter("tvm"))
    with pytest.raises(ExportError, match="model-aarch64.so is refused: for a reason"), refused:
        raise ExportError("for a reason")
    assert not list(tmp_path.glob("model-aarch64*")) and (run.artifacts / "model.onnx").exists()
