"""The network trained for int8: begun when rounding alone lost too much, kept in the run's folder for every format."""

from __future__ import annotations

import copy
import shutil
from dataclasses import asdict

from edgenas.export.quantise.fake_quantised import FakeQuantised
from edgenas.export.quantise.quantised import trainable
from edgenas.flow.measure import calibration
from edgenas.flow.product import Product
from edgenas.flow.records import Retraining
from edgenas.progress import Progress
from edgenas.train.quantisation_aware import fine_tune
from edgenas.train.settings import QatSettings
from edgenas.train.weights import load_weights, save_weights


def name_of(precision: str) -> str:
    """qat.safetensors and qat.json: folded weights, and the ranges of all values; qat-mixed of a mixed file."""
    return "qat" if precision == "int8" else f"qat-{precision}"


def retrained(product: Product, settings: QatSettings, progress: Progress, precision: str = "int8") -> FakeQuantised:
    """Trained with `settings` for files of `precision`; goes on where it was interrupted, does nothing when it is done.

    Raises: NotLoweredError for a network outside the exporters' vocabulary.
    """
    run, task, network = product.run, product.task, copy.deepcopy(product.network)
    name = name_of(precision)
    student = trainable(network, calibration(task), precision)
    file = f"{name}.json"
    known = Retraining.read(run.folder, file)
    if known is None or known.settings != asdict(settings):
        shutil.rmtree(run.folder / name, ignore_errors=True)
        known = Retraining(settings=asdict(settings))
        known.write(run.folder, file)
    if known.history is not None:
        load_weights(run.weights(name), student, f"edgenas export {run.folder} --precision {precision}")
        return student.eval()
    validation, history = fine_tune(
        student, network, task, settings, seed=run.config.seed, checkpoint=run.folder / name / "checkpoint.pt",
        accelerator=run.config.accelerator, progress=progress)
    save_weights(run.weights(name), student)
    known.replaced(history=tuple(history), accuracy={"validation": validation}).write(run.folder, file)
    return student


