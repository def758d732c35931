"""Writing files that are never half there, naming their contents, and reading files that may be anything."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import json
import math
import os
import stat
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import platformdirs

from edgenas.errors import FileError, RunError, StorageError
from edgenas.text import one_line

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

JSON_LIMIT = 64 << 20
"""Bytes of a JSON or TOML file; edgenas writes none that comes near."""
LARGEST_HASHED = 16 << 30
"""Bytes; no network for an edge device comes near, and reading more takes minutes."""
DEEPEST = 64
"""Levels of nested lists and objects in one."""
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)
"""What the system says of a disk that takes no more."""
UNNAMED = "a temporary file or the output"
"""Where nothing tells which file it was."""


def user_folder(name: str) -> Path:
    """Where a user's `profiles` or `tuning` are kept: EDGENAS_PROFILES and so on, or the platform's data folder."""
    chosen = os.environ.get(f"EDGENAS_{name.upper()}")
    return Path(chosen) if chosen else Path(platformdirs.user_data_dir("edgenas", appauthor=False)) / name


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a scratch path beside `path`; on success it is synced and renamed to `path`, else removed.

    Raises: StorageError when the folder cannot be written or the disk is full.
    """
    scratch: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        scratch = Path(name)
        yield scratch
        with scratch.open("rb") as stream:
            os.fsync(stream.fileno())
        scratch.chmod(0o644)
        scratch.replace(path)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        if scratch is not None:
            scratch.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    with replacing(path) as scratch:
        scratch.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Indented, sorted JSON; not-a-number is refused rather than written."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n")


def read_json(path: Path, limit: int = JSON_LIMIT) -> Any:
    """What such a file holds, None if there is none.

    Raises: RunError when it is damaged, too large or too deep, or no regular file.
    """
    if not os.path.lexists(path):
        return None
    try:
        return parse_json(read_bounded(path, limit))
    except (FileError, ValueError) as error:
        raise RunError(f"{path} is damaged: {error}", "delete it and run the command again") from error


def parse_json(text: bytes | str, finite: bool = False) -> Any:
    """Raises: ValueError when it is no JSON, nested deeper than DEEPEST, or has a number that Python cannot hold; if
    `finite`, for NaN and Infinity too.
    """
    try:
        value = json.loads(text, parse_constant=_refuse if finite else None)
    except RecursionError:
        raise ValueError(f"nested deeper than {DEEPEST} levels") from None
    return _shallow(value)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


def read_toml(path: Path, limit: int = JSON_LIMIT) -> dict[str, Any]:
    """Raises: FileError when the file cannot be read, is no TOML (whose whole numbers have 64 bits), or is nested
    deeper than DEEPEST.
    """
    try:
        value: dict[str, Any] = _shallow(tomllib.loads(read_bounded(path, limit).decode("utf-8")), 1 << 63)
    except RecursionError:
        raise FileError(f"{path} is nested deeper than {DEEPEST} levels") from None
    except ValueError as error:
        raise FileError(f"{path} is no TOML file: {one_line(str(error), 200)}") from error
    return value


def read_bounded(path: Path, limit: int) -> bytes:
    """The content of a regular file of at most `limit` bytes.

    A pipe, a device or a folder is refused without being waited for; what grows while it is read is refused too.

    Raises: FileError, saying which rule the file broke.
    """
    with open_bounded(path, limit) as stream:
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise FileError(f"{path} is larger than {limit} bytes")
    return content


@contextlib.contextmanager
def open_bounded(path: Path, limit: int) -> Iterator[io.BufferedReader[Any]]:
    """A regular file of at most `limit` bytes, open for reading.

    Raises: FileError as `read_bounded` does, also for what fails while it is read. What else fails within passes.
    """
    try:
        raw = _NamedFile(path, opener=_regular(limit))
    except (OSError, ValueError) as error:  # a ValueError: a path with a null character
        raise _unreadable(path, error) from error
    with io.BufferedReader(raw) as stream:
        yield stream


class _NamedFile(io.FileIO):
    """A file whose reading fails with a FileError; seeking fails as ever, which zipfile relies on."""

    def __init__(self, path: Path, opener: Callable[[str, int], int]) -> None:
        super().__init__(path, "rb", opener=opener)
        self._path = path

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        with self._telling():
            return super().readinto(buffer)

    def readall(self) -> bytes:
        with self._telling():
            return super().readall()

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise _unreadable(self._path, error) from error


def open_regular(path: Path, limit: int) -> BinaryIO:
    """Such a file, for a reader that tells itself what fails while it reads.

    Raises: FileError when it is no regular file, larger, or cannot be opened.
    """
    try:
        return open(path, "rb", opener=_regular(limit))
    except (OSError, ValueError) as error:  # a ValueError: a path with a null character
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError | ValueError) -> FileError:
    if isinstance(error, OSError):
        return FileError(f"cannot read {path}: {error.strerror or error}")
    return FileError(f"cannot read {str(path)!r}: {error}")


def _regular(limit: int) -> Callable[[str, int], int]:
    """For `open`: opens without waiting for a pipe's writer, and raises FileError for what breaks a rule."""
    def opener(path: str, flags: int) -> int:
        handle = os.open(path, flags | os.O_NONBLOCK)
        found = os.fstat(handle)
        if stat.S_ISREG(found.st_mode) and found.st_size <= limit:
            return handle
        os.close(handle)
        if stat.S_ISREG(found.st_mode):
            raise FileError(f"{path} has {found.st_size} bytes; at most {limit} are read")
        raise FileError(f"{path} is {_kind(found.st_mode)}, not a regular file")

    return opener


def _kind(mode: int) -> str:
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket",
             stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}
    return kinds.get(stat.S_IFMT(mode), "something else")


def _shallow(value: Any, largest: float = math.inf) -> Any:
    """`value` itself. Raises: ValueError when it is nested deeper than DEEPEST, or has a larger whole number."""
    level, depth = [value] if isinstance(value, dict | list) else [], 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise ValueError(f"nested deeper than {DEEPEST} levels")
        inside = [inner for outer in level for inner in (outer.values() if isinstance(outer, dict) else outer)
                  if isinstance(inner, dict | list | int)]
        if any(abs(inner) > largest for inner in inside if isinstance(inner, int)):
            raise ValueError(f"a whole number is beyond {largest}")
        level = [inner for inner in inside if not isinstance(inner, int)]
    return value


def append_line(path: Path, line: str) -> None:
    """Append one line and sync it to the disk before returning."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab", buffering=0) as stream:  # in one piece: other processes may append too
            content = (line + "\n").encode("utf-8")
            while content:
                content = content[stream.write(content):]
            os.fsync(stream.fileno())
    except OSError as error:
        raise unwritable(path, error) from error


def sha256(path: Path) -> str:
    """Raises: FileError for what is no regular file, or larger than LARGEST_HASHED."""
    with open_bounded(path, LARGEST_HASHED) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def is_full(error: OSError) -> bool:
    """Whether a write failed because the disk, or the share of it that one may use, is full or cannot be written."""
    return error.errno in FULL


def unwritable(path: object, error: OSError) -> StorageError:
    """The error for a write that failed."""
    return _no_write(path, error.strerror or str(error))


def said_full(words: str) -> str:
    """What a program's `words`, in the C locale, say of a disk that takes no more; "" if nothing."""
    return next((said for said in map(os.strerror, FULL) if said in words), "")


def out_of_room(error: BaseException) -> StorageError | None:
    """The error for what failed because a disk takes no more, whichever library says so, and behind whatever other
    error; None for what failed otherwise.
    """
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, StorageError):
            return link
        if isinstance(link, OSError) and is_full(link):
            return unwritable(link.filename or UNNAMED, link)
        if said := said_full(str(link)):
            return _no_write(UNNAMED, said)
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return None


def _no_write(path: object, reason: str) -> StorageError:
    return StorageError(f"cannot write {path}: {reason}",
                        "free some space or choose another folder (TMPDIR for temporary files), then run the same "
                        "command again")
