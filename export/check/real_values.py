"""int8 files that are given and give real numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgenas.errors import DeviceError
from edgenas.export.package.contents import signature
from edgenas.measure.runtime import RuntimeSession, Signature


class RealSession:
    """A session of an int8 file with float32 inputs and outputs: the file's own scales are applied around it.

    Raises: DeviceError for an int8 input or output without a scale in the file.
    """

    def __init__(self, session: RuntimeSession, path: Path) -> None:
        self._session = session
        self._given, self._made = signature(path)
        for spec in (*self._given, *self._made):
            if spec.dtype == "int8" and spec.quantisation is None:
                raise DeviceError(f"{path} does not say what the int8 values of {spec.name!r} stand for",
                                  "export it again")
        self.inputs, self.outputs = _real(session.inputs), _real(session.outputs)

    def run(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        found = self._session.run(self._quantised(arrays))
        return [array if spec.quantisation is None else spec.quantisation.dequantise(array)
                for spec, array in zip(self._made, found, strict=True)]

    def _quantised(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        return [array if spec.quantisation is None else spec.quantisation.quantise(array)
                for spec, array in zip(self._given, arrays, strict=True)]


def is_quantised(session: RuntimeSession) -> bool:
    return any(dtype == "int8" for _, _, dtype in (*session.inputs, *session.outputs))


def _real(signature: Signature) -> Signature:
    return [(name, shape, "float32" if dtype == "int8" else dtype) for name, shape, dtype in signature]
