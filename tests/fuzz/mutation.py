"""Files and values made wrong: bytes flipped, JSON of another shape, something else in a file's place."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

ESCAPES = "\x1b[2J\x1b]0;gone\x07\u202e"
VALUES = ["", " ", "-", "--", "0", "-1", "1", "2", "0.5", "1e999", "-1e-320", "nan", "inf", "9" * 30, "0x10", "%",
          "50%", "0%", "1e9%", "101%", "50%%", "..", "/", "/dev/zero", "/dev/full", "/proc/self/mem",
          "no/such/file", ".", "~", ESCAPES, "x" * 5000, "é💥", "a=b", "=", ":", "a:b", "file.py:", "FILE.py:build",
          "None", "true", "[]", "{}", "../../../etc/passwd", "a\nb", "mnist", "digits", "host", "mock", "onnx",
          "int8", "latency_ms=1", "macs=50%", "macs=1e6", "latency_ms=50%", "1x8x8", "3x99999x99999", "0x0x0",
          "space.depth=99999999", "space.width=1e30", "search.epochs=-1", "train.lr=1e30", "search.nothing=1",
          "space.width=nan", "build.cells=8"]
LARGE = 64 << 20
"""Bytes; a file of that size was made so by an earlier change."""
ODD: list[Any] = [None, True, 0, -1, 1e308, 2**63, 10**400, float("nan"), float("inf"), "", ESCAPES, "x" * 100_000, [],
                  {}, [[[]]], {"a": {"b": None}}, "../../../etc/passwd", "/dev/zero", [None] * 1000, "9" * 5000, 0.5]


def mutated_bytes(content: bytes, draw: random.Random) -> bytes:
    """Some bytes changed, a part cut out, repeated or moved, or the end cut off."""
    data = bytearray(content)
    for _ in range(draw.choice([1, 1, 2, 8])):
        where = draw.randrange(len(data) + 1)
        length = draw.choice([1, 2, 4, 16, 256])
        kind = draw.randrange(6)
        if kind == 0:
            data[where:where + 1] = bytes([draw.randrange(256)])
        elif kind == 1:
            del data[where:where + length]
        elif kind == 2:
            data[where:where] = data[where:where + length] * draw.choice([1, 3, 100])
        elif kind == 3:
            del data[where:]
        elif kind == 4:
            data[where:where + 4] = draw.choice([b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\0", b"\x80\0\0\0"])
        else:
            data[where:where] = draw.choice([ESCAPES.encode(), b"\0" * length, b"[" * 3000, b'"', b"\n", b"\xff\xfe"])
    return bytes(data)


def mutated_json(value: Any, draw: random.Random) -> Any:
    """One place of a JSON value replaced, removed, renamed or wrapped."""
    if not isinstance(value, dict | list) or not value or draw.random() < 0.15:
        return draw.choice([draw.choice(ODD), [value], {"a": value}])
    changed: Any = dict(value) if isinstance(value, dict) else list(value)
    key = draw.choice(list(changed)) if isinstance(changed, dict) else draw.randrange(len(changed))
    kind = draw.random()
    if kind < 0.12:
        del changed[key]
    elif kind < 0.2 and isinstance(changed, dict):
        changed[draw.choice([ESCAPES, "", "x" * 3000, "extra"])] = changed.pop(key)
    else:
        changed[key] = mutated_json(changed[key], draw)
    return changed


def _json(path: Path, draw: random.Random) -> None:
    lines = path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]
    which = draw.randrange(len(lines))
    try:
        lines[which] = json.dumps(mutated_json(json.loads(lines[which]), draw))
    except ValueError:
        return
    path.write_text("\n".join(lines) + "\n")


def _content(path: Path, draw: random.Random) -> None:
    path.write_bytes(mutated_bytes(path.read_bytes(), draw))


def _pipe(path: Path, draw: random.Random) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(path: Path, draw: random.Random) -> None:
    path.unlink()
    path.mkdir()


def _link(path: Path, draw: random.Random) -> None:
    path.unlink()
    places = ["/dev/zero", "/dev/random", "/etc/passwd", path.name, "nowhere", "/proc/self/mem", "/"]
    path.symlink_to(draw.choice(places))


def _sparse(path: Path, draw: random.Random) -> None:
    with path.open("r+b") as stream:
        stream.truncate(1 << 40)


def _empty(path: Path, draw: random.Random) -> None:
    path.write_bytes(draw.choice([b"", b"\n", b"{}", b"null", b"[" * 100_000, b"\x1f\x8b", b"PK\x03\x04"]))


def _gone(path: Path, draw: random.Random) -> None:
    path.unlink()


PLACES: list[Callable[[Path, random.Random], None]] = [_pipe, _folder, _link, _sparse, _empty, _gone]


def mutate(path: Path, draw: random.Random) -> str:
    """Change the file `path`, or a file in the folder `path`; returns what was done."""
    files = [path] if not path.is_dir() else sorted(path.rglob("*"))
    files = [p for p in files if p.is_file() and not p.is_symlink() and p.stat().st_size < LARGE]
    if not files:
        return "nothing more"
    path = draw.choice(files)
    ways: list[Callable[[Path, random.Random], None]] = [_content, _content, draw.choice(PLACES)]
    if path.suffix in (".json", ".jsonl"):
        ways += [_json] * 4
    way = draw.choice(ways)
    way(path, draw)
    return f"{way.__name__.strip('_')} of {path.name}"


def copied(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copy(source, target)
