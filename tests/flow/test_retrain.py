"""A network that rounding harms is trained for int8, once for all formats, and goes on where it was interrupted."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
import torch
from saturation import exact_int8

from edgenas.export.package import manifest
from edgenas.flow.records import Retraining
from edgenas.flow.retrain import retrained
from edgenas.flow.run import Run
from edgenas.flow.work import Work
from edgenas.progress import Silent
from edgenas.space.operators import MBConv
from edgenas.train.checkpoint import Checkpoint
from edgenas.train.loop import train
from edgenas.train.settings import QatSettings, TrainSettings
from edgenas.train.weights import save_weights

from .flows import Finished, copied, counted, edgenas, files, succeed

EXPORT = ("--format", "onnx", "--format", "tflite", "--precision", "int8", "--set", "qat.epochs=10")


@functools.cache
def fragile() -> dict[str, torch.Tensor]:
    """Trained weights of the run's network, changed so that float32 gives the same and int8 does not.

    What comes into a depthwise convolution is 150 times smaller, and its weights as much larger, but for one channel,
    which takes all of the scale.
    """
    work = Work(Run.open(counted().folder))
    network = work.network()
    train(network, work.task, settings=TrainSettings(epochs=25, batch_size=32), seed=0,
          checkpoint=counted().folder.parent / "fragile.pt", fabric=work.fabric)
    with torch.no_grad():
        for block in network.modules():
            if isinstance(block, MBConv):
                norm, depthwise = block.body[0][1], block.body[1][0]
                for value, factor in ((norm.weight, 1 / 150), (norm.bias, 1 / 150), (depthwise.weight, 150)):
                    value[1:] *= factor
    return network.state_dict()


@pytest.fixture
def run(counted: Finished, tmp_path: Path) -> Run:
    run = Run.open(copied(counted, tmp_path / "run"))
    network = Work(run).network()
    network.load_state_dict(fragile())
    save_weights(run.weights(), network)
    return run


@exact_int8
def test_what_rounding_harms_training_mends_and_the_manifest_says_so(run: Run):
    done = succeed("export", run.folder, *EXPORT, "--max-drop", "10")
    assert "model.int8.onnx after rounding alone: " in done.err and "train for int8: 10 steps" in done.err
    assert done.err.count("10 steps") == 1, "both formats have the same weights"
    made = [a.quantisation for a in manifest.read(run.artifacts).artifacts if a.precision == "int8"]
    assert [q.method for q in made if q] == ["qat", "qat"]
    onnx, tflite = made
    assert onnx and tflite and onnx.drop_points == pytest.approx(tflite.drop_points, abs=2) and onnx.drop_points <= 10
    assert Retraining.read(run.folder).settings["epochs"] == 10 and (run.folder / "qat.safetensors").exists()
    again = succeed("export", run.folder, *EXPORT, "--max-drop", "10")
    assert "10 steps" not in again.err


def test_what_training_does_not_mend_is_refused_with_both_figures(run: Run):
    before = files(run.artifacts)
    text = edgenas("export", run.folder, "--precision", "int8", "--set", "qat.epochs=1", "--max-drop", "0").refused(
        4, "model.int8.onnx is refused: after rounding alone", "trained for int8 (1 epochs): ",
        "0 points are allowed", "--set qat.epochs=30")
    assert text.count("points lost") == 2
    assert files(run.artifacts) == before


def test_it_goes_on_where_it_was_interrupted_to_the_same_weights(run: Run, monkeypatch):
    real = Checkpoint.save

    def interrupting(self: Checkpoint, row: dict[str, object]) -> None:
        real(self, row)
        if self.epochs == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoint, "save", interrupting)
    edgenas("export", run.folder, "--precision", "int8", "--max-drop", "0", "--set", "qat.epochs=3").refused(
        130, "interrupted")
    monkeypatch.undo()
    assert Retraining.read(run.folder).history is None
    settings = QatSettings(epochs=3)
    resumed = retrained(Work(run).product(), settings, Silent()).state_dict()
    (run.folder / "qat.json").unlink()
    fresh = retrained(Work(run).product(), settings, Silent()).state_dict()
    assert all(value.equal(fresh[name]) for name, value in resumed.items())


def test_other_settings_begin_anew(run: Run):
    first = retrained(Work(run).product(), QatSettings(epochs=1), Silent()).state_dict()
    other = retrained(Work(run).product(), QatSettings(epochs=1, lr=1e-2), Silent()).state_dict()
    assert Retraining.read(run.folder).settings["lr"] == 1e-2
    assert not all(value.equal(other[name]) for name, value in first.items())


@pytest.mark.parametrize(("assignment", "words"), [
    ("qat.epoch=3", ("'epoch'", "did you mean 'epochs'?")), ("qat.lr=0", ("option lr=0", "greater than 0")),
    ("train.lr=1", ("an export has no option 'train.lr'", "--set qat.epochs=20")),
])
def test_settings_that_cannot_be_used(run: Run, assignment: str, words: tuple[str, ...]):
    before = files(run.folder)
    edgenas("export", run.folder, "--precision", "int8", "--set", assignment).refused(2, *words)
    assert files(run.folder) == before
