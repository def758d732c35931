"""A stranger's ONNX file, made plain by a process of its own (`onnx_worker`) that has limits of memory and time."""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgenas.cost.onnx.worker import LARGEST_FILE, PLAIN, SECONDS
from edgenas.errors import DeviceError, EdgenasError, FileError, StorageError, UsageError, missing_extra
from edgenas.files import open_bounded, parse_json, read_bounded
from edgenas.measure.process import Ended, Silent, stream_lines

PATIENCE_S = 4.0 * SECONDS
"""Of waiting, where other programs take the processor."""
LARGEST_PLAIN = 1 << 28
"""Bytes of a model without its weights."""


def read_plain(path: Path) -> Any:
    """The model as `onnx_worker.plain` makes it.

    Raises: UsageError (FileError) for a file that cannot be read, is no valid model, or that onnxruntime cannot run;
    StorageError where the disk of temporary files is full; MissingExtra without onnx and onnxruntime.
    """
    for package in ("onnx", "onnxruntime"):
        if importlib.util.find_spec(package) is None:
            raise missing_extra(package, "onnx")
    with open_bounded(path, LARGEST_FILE):
        pass  # what cannot be opened needs no process
    with tempfile.TemporaryDirectory(prefix="edgenas-") as folder:
        command = [sys.executable, "-P", "-m", "edgenas.cost.onnx.worker", str(path), folder]
        try:
            said = list(stream_lines(command, b"", PATIENCE_S))
        except DeviceError as error:
            raise failed(path, error) from error
        if said:
            raise _refused(said[-1])
        import onnx
        return onnx.ModelProto.FromString(read_bounded(Path(folder, PLAIN), LARGEST_PLAIN))


def _refused(line: str) -> EdgenasError:
    try:
        found = parse_json(line)
    except ValueError:
        found = {}
    if not isinstance(found, Mapping):
        found = {}
    kinds: dict[object, type[EdgenasError]] = {kind.kind: kind for kind in (FileError, StorageError)}
    return kinds.get(found.get("kind"), UsageError)(str(found.get("message", line)), str(found.get("hint", "")))


def failed(path: Path, error: DeviceError) -> FileError:
    """The error for a worker that was killed, or died of what it read."""
    if isinstance(error, Silent) or (isinstance(error, Ended) and error.status in _TIMES):
        return FileError(f"{path} took longer than {SECONDS} s to read and was given up", "export a smaller network")
    if isinstance(error, Ended) and error.status < 0:
        return FileError(f"{path} cannot be read: the libraries onnx and onnxruntime crashed on it", "export it again")
    return FileError(f"{path} cannot be read: {error.message}", "export it again")


_TIMES = (-24, -9)
"""SIGXCPU, and SIGKILL after it."""
