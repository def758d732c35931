"""Predictions by an exported model file in this process, with the runtime that will serve it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgenas.errors import DeviceError, UsageError, missing_extra
from edgenas.export.check.real_values import RealSession, is_quantised
from edgenas.measure.runtime import RuntimeSession, load_runtime
from edgenas.measure.worker import check_suffix


def runtime_format(runtime: str) -> str:
    """The format of the files that a runtime runs: `onnx`, `tflite` or `tvm`."""
    return load_runtime(runtime).FORMAT


class Predictor:
    """A loaded classifier with one float32 input of batch 1."""

    def __init__(self, session: RuntimeSession | RealSession, channels_last: bool, where: str) -> None:
        if len(session.inputs) != 1 or session.inputs[0][1][:1] != [1] or session.inputs[0][2] != "float32":
            raise DeviceError(f"{where} has the inputs {session.inputs}; "
                              "predictions need one float32 input for one image")
        self._session, self._channels_last, self._where = session, channels_last, where

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Outputs (N, classes) for images (N, C, H, W), float32; where the model wants (H, W, C) it gets that.

        Raises: UsageError if the images do not fit the model; DeviceError if the runtime fails.
        """
        batch = self._arranged(np.asarray(images, dtype=np.float32))
        result = np.empty((len(batch), *self._session.outputs[0][1][1:]), dtype=np.float32)
        for index in range(len(batch)):
            try:
                result[index] = self._session.run([batch[index:index + 1]])[0][0]
            except Exception as error:
                raise DeviceError(f"{self._where} failed on an image: {error}") from error
        return result

    def _arranged(self, images: np.ndarray) -> np.ndarray:
        wanted = tuple(self._session.inputs[0][1][1:])
        as_given, last = images, images.transpose(0, 2, 3, 1) if images.ndim == 4 else images
        for layout in (last, as_given) if self._channels_last else (as_given, last):
            if layout.shape[1:] == wanted:
                return np.ascontiguousarray(layout)
        raise UsageError(f"images of shape {images.shape[1:]} do not fit {self._where}, which takes {wanted}")


def open_session(path: Path, runtime: str, threads: int = 1) -> Predictor:
    """Load an exported model file for predictions; an int8 file is given real images and gives real outputs too.

    Raises: UsageError if the runtime is unknown or not installed; DeviceError with the runtime's own message
    if it cannot load the file.
    """
    runner = load_runtime(runtime)
    try:
        check_suffix(runner, str(path))
        session = runner.Session(str(path), threads)
    except ModuleNotFoundError as error:
        raise missing_extra(error.name or runtime, runner.EXTRA) from error
    except Exception as error:
        raise DeviceError(f"{runtime} cannot load {path}: {error}", "export it again") from error
    real = RealSession(session, path) if is_quantised(session) else session
    return Predictor(real, runner.FORMAT == "tflite", f"{path} in {runtime}")
