"""Run on a device beside worker.py: what model files compute there.

    python device_outputs.py RUNNER FILE...

`FILE.input` holds the input in PyTorch's layout, raw little-endian float32; the shape is the file's own. Prints the
output of each file in PyTorch's layout: one line {"logits": [...]}.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import numpy as np


def outputs(runner: Any, path: str) -> list[float]:
    """A file whose format has its channels last is given and gives them so."""
    session = runner.Session(path, 1)
    (_, shape, _), = session.inputs
    last = runner.FORMAT == "tflite" and len(shape) == 4
    given = np.fromfile(f"{path}.input", "<f4")
    if last:
        batch, height, width, channels = shape
        given = given.reshape(batch, channels, height, width).transpose(0, 2, 3, 1)
    found = np.asarray(session.run([np.ascontiguousarray(given.reshape(shape))])[0])
    if last and found.ndim == 4:
        found = found.transpose(0, 3, 1, 2)
    return [float(value) for value in found.ravel()]


if __name__ == "__main__":
    sys.path.insert(0, os.getcwd())
    import worker

    with os.fdopen(os.dup(1), "w") as lines:
        os.dup2(2, 1)  # what a runtime prints is no result
        module = worker.load_runner(sys.argv[1])
        for name in sys.argv[2:]:
            print(json.dumps({"logits": outputs(module, name)}), file=lines, flush=True)
