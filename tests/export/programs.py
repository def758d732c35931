"""Programs that a test built, run as their users run them."""

from __future__ import annotations

import json
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def run(path: Path, *arguments: str, given: bytes = b"",
        via: tuple[str, ...] = ()) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*via, str(path), *arguments], input=given, capture_output=True, timeout=60, check=False)


def line(path: Path, *arguments: str, via: tuple[str, ...] = ()) -> dict[str, Any]:
    """The one line that it prints, which must be strict JSON."""
    done = run(path, *arguments, via=via)
    assert (done.returncode, done.stderr) == (0, b"")
    [text] = done.stdout.decode("ascii").splitlines()
    found = json.loads(text, parse_constant=lambda constant: AssertionError(constant))
    assert isinstance(found, dict)
    return found


def predictor(path: Path, via: tuple[str, ...] = (),
              signature: Path | None = None) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Outputs (N, ...) in the shape of the signature, by default the program's own, for inputs (N, ...)."""
    shape = json.loads(Path(f"{signature or path}.json").read_text())["outputs"][0]["shape"]

    def predict(images: NDArray[Any]) -> NDArray[Any]:
        done = run(path, given=images.astype("<f4").tobytes(), via=via)
        assert (done.returncode, done.stderr) == (0, b"")
        rows = [json.loads(text)["logits"] for text in done.stdout.splitlines()]
        return np.float32(rows).reshape(len(images), *shape[1:])

    return predict


def needs_an_interpreter(content: bytes) -> bool:
    """Whether a 64-bit ELF file names a dynamic loader."""
    start, = struct.unpack_from("<Q", content, 32)
    size, count = struct.unpack_from("<HH", content, 54)
    return 3 in [struct.unpack_from("<I", content, start + index * size)[0] for index in range(count)]
