from __future__ import annotations

from edgenas.report.sections.artifacts import artifacts

from ..runs import PHASES, Page


def test_what_int8_cost_is_shown_with_how_the_file_was_made(make):
    def edit(files):
        first = files["artifacts/manifest.json"]["artifacts"][0]
        files["artifacts/manifest.json"]["artifacts"].append({
            **first, "path": "model.int8.onnx", "sha256": "e" * 64, "precision": "int8", "quantisation": {
                "method": "qat", "calibration_images": 256, "validation_images": 750, "max_drop_points": 0.5,
                "validation_accuracy_fp32": 0.988, "validation_accuracy_int8": 0.984, "drop_points": 0.4}})

    text = Page(artifacts(make(*PHASES, edit=edit))).text
    assert "model.int8.onnxtraining for int825675098.80%98.40%0.400.5" in text


def test_a_run_without_int8_files_says_nothing_of_it(finished):
    assert "int8" not in Page(artifacts(finished)).text
