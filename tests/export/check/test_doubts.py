"""What a user is told of a file that was accepted."""

from __future__ import annotations

import pytest

from edgenas.export.check.coverage import Coverage
from edgenas.export.check.doubts import doubts
from edgenas.export.check.parity import Parity
from edgenas.export.package.manifest import Artifact, Gates, Quantisation
from edgenas.flow.export import summary
from edgenas.flow.quantise import lost


def artifact(agreement: float, drop: float, method: str = "ptq", **found: object) -> Artifact:
    rounding = Quantisation(method=method, calibration_images=9, validation_images=100, validation_accuracy_fp32=0.5,
                            validation_accuracy_int8=0.5 - drop / 100, drop_points=drop, max_drop_points=0.5,
                            coverage=found.pop("coverage", None))
    return Artifact(format="onnx", runtime="onnxruntime", path="model.int8.onnx", bytes=1, sha256="0" * 64, inputs=(),
                    outputs=(), layout="NCHW", operators={}, max_abs=0.1, agreement=agreement, parity_images=100,
                    target="host", precision="int8", quantisation=rounding, **found)


@pytest.mark.parametrize(("agreement", "drop", "words"), [
    (0.97, 0.4, []), (0.97, -1, []),
    (0.34, 0.1, ["agrees with PyTorch on only 34.0% of 100 validation images"]),
    (0.95, -22, ["gains 22.0 points of accuracy"]),
    (0.34, -40, ["agrees with PyTorch on only 34.0%", "gains 40.0 points"]),
])
def test_a_file_unlike_its_network_is_doubted_whatever_its_accuracy(agreement: float, drop: float, words: list[str]):
    said = doubts(artifact(agreement, drop))
    assert len(said) == len(words) and all(word in text for word, text in zip(words, said, strict=True))


def test_training_for_int8_may_gain():
    assert doubts(artifact(0.95, -22, "qat")) == []


def test_what_is_not_int8_and_what_costs_time_are_said():
    said = doubts(artifact(1, 0, coverage=Coverage(macs=0.98, weights=0.8, float32={"GRU": 1}), gates=Gates(
        transposes=1, transposes_wanted=0, layouts_wanted=0, residual=("transpose_4 [0, 3] between a and b",))))
    assert said == ["1 transpose that the network does not ask for costs time: transpose_4 [0, 3] between a and b",
                    "GRU (1) in float32; 98.0% of the multiply-accumulates and 80.0% of the weights' bytes are int8"]


def test_a_gain_is_no_negative_loss():
    assert "22 points more than fp32" in summary(artifact(0.95, -22))
    found = Parity(max_abs=0, max_rel=0, agreement=1, images=50, tolerance=1, wrong=0, right=21, expected_right=10)
    assert lost(found).endswith("22.00 points gained")
