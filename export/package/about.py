"""What an exported file says of itself, so that one that lost its manifest still tells what it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from edgenas.errors import EdgenasError, ExportError
from edgenas.export.extras import import_extra
from edgenas.export.package.manifest import Hash, Input
from edgenas.export.package.preprocessing import Record
from edgenas.files import replacing

KEY = "edgenas"
"""Of the entry in an ONNX file's metadata_props, and in a TFLite file's metadata, whose buffer holds the JSON."""


class About(Record):
    """As in the manifest. data_fingerprint: of the images that the network was trained on.

    body_sha256: of the file without this record; a file that was damaged since does not have it.
    """

    schema_version: Literal[1] = 1
    edgenas_version: str
    precision: str = "fp32"
    classes: tuple[str, ...]
    input: Input
    space: str
    architecture: dict[str, str]
    seed: int
    data_fingerprint: str | None = None
    profile_sha256: Hash | None = None
    weights_sha256: Hash | None = None
    body_sha256: Hash | None = None


def embed(path: Path, about: About) -> None:
    """Write `about` into an ONNX or TFLite file; the same file and record give the same bytes."""
    pack = PACKERS[path.suffix]
    body = pack(path.read_bytes(), None)
    record = about.model_copy(update={"body_sha256": hashlib.sha256(body).hexdigest()})
    text = json.dumps(record.model_dump(mode="json", exclude_none=True), sort_keys=True, separators=(",", ":"))
    with replacing(path) as scratch:
        scratch.write_bytes(pack(body, text))


def embedded(path: Path) -> About | None:
    """What the file says of itself; None if nothing.

    Raises: ExportError when the record, or the file around it, is not as edgenas wrote it.
    """
    if path.suffix not in READERS:
        return None
    content = path.read_bytes()
    hint = "take it from where it came from again, or export it again"
    try:
        text = READERS[path.suffix](content)
        about = None if text is None else About.model_validate_json(text)
        body = b"" if about is None else PACKERS[path.suffix](content, None)
    except ValidationError as error:
        raise ExportError(f"{path}: what it says of itself cannot be read: {error.errors()[0]['msg']}", hint) from error
    except EdgenasError:
        raise
    except Exception as error:
        raise ExportError(f"{path} is damaged: it does not hold what a {path.suffix} file holds", hint) from error
    if about and about.body_sha256 and hashlib.sha256(body).hexdigest() != about.body_sha256:
        raise ExportError(f"{path} was changed after its export: its SHA-256 is not the one that it holds", hint)
    return about


def _read_onnx(content: bytes) -> str | None:
    model = import_extra("onnx", "onnx").load_model_from_string(content)
    return next((entry.value for entry in model.metadata_props if entry.key == KEY), None)


def _packed_onnx(content: bytes, text: str | None) -> bytes:
    model = import_extra("onnx", "onnx").load_model_from_string(content)
    kept = {entry.key: entry.value for entry in model.metadata_props if entry.key != KEY}
    del model.metadata_props[:]
    for key, value in (kept | ({} if text is None else {KEY: text})).items():
        model.metadata_props.add(key=key, value=value)
    packed: bytes = model.SerializeToString(deterministic=True)
    return packed


def _tflite_model(content: bytes) -> Any:
    if content[4:8] != b"TFL3":
        raise ValueError("no TFLite file")
    return import_extra("ai_edge_litert.schema_py_generated", "tflite").ModelT.InitFromPackedBuf(content)


def _read_tflite(content: bytes) -> str | None:
    model = _tflite_model(content)
    return next((bytes(model.buffers[entry.buffer].data).decode() for entry in model.metadata or ()
                 if entry.name == KEY.encode()), None)


def _packed_tflite(content: bytes, text: str | None) -> bytes:
    """The record's buffer is the last one, so that the others keep their numbers."""
    import numpy as np
    from ai_edge_litert.schema_py_generated import BufferT, MetadataT

    from edgenas.export.tflite.graph import Builder
    model = _tflite_model(content)
    entries = list(model.metadata or ())
    for entry in [entry for entry in entries if entry.name == KEY.encode()]:
        entries.remove(entry)
        if entry.buffer == len(model.buffers) - 1:
            model.buffers.pop()
    if text is not None:
        buffer, entry = BufferT(), MetadataT()
        buffer.data = np.frombuffer(text.encode(), np.uint8)
        entry.name, entry.buffer = KEY, len(model.buffers)
        model.buffers.append(buffer)
        entries.append(entry)
    model.metadata = entries or None
    builder = Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


READERS: dict[str, Callable[[bytes], str | None]] = {".onnx": _read_onnx, ".tflite": _read_tflite}
PACKERS: dict[str, Callable[[bytes, str | None], bytes]] = {".onnx": _packed_onnx, ".tflite": _packed_tflite}
