"""The network trained for int8: begun when rounding alone lost too much, kept in the run's folder for every format."""

from __future__ import annotations

import shutil
from dataclasses import asdict

from edgenas.export.fake_quantised import FakeQuantised
from edgenas.export.quantised import trainable
from edgenas.progress import Progress
from edgenas.qat import QatSettings, fine_tune
from edgenas.run.folder import Run
from edgenas.run.measuring import calibration

WEIGHTS = "qat"  # qat.safetensors: folded weights, and the ranges of all values


def retrained(run: Run, settings: QatSettings, progress: Progress) -> FakeQuantised:
    """Trained with `settings`; goes on where it was interrupted, and does nothing when it is done.

    Raises: NotLoweredError for a network outside the exporters' vocabulary.
    """
    network = run.network()
    student = trainable(network, calibration(run))
    known = run.read("qat.json") or {}
    if known.get("settings") != asdict(settings):
        shutil.rmtree(run.folder / "qat", ignore_errors=True)
        known = {"settings": asdict(settings)}
        run.write("qat.json", known)
    if "history" in known:
        run.load_weights(WEIGHTS, student, f"edgenas export {run.folder} --precision int8")
        return student.eval()
    validation, history = fine_tune(
        student, network, run.task, settings, seed=run.config.seed, checkpoint=run.folder / "qat" / "checkpoint.pt",
        accelerator=run.config.accelerator, progress=progress)
    run.save_weights(WEIGHTS, student)
    run.write("qat.json", known | {"history": history, "accuracy": {"validation": validation}})
    return student


