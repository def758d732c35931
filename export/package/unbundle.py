"""Opening a bundle that somebody else may have made: no member leaves the folder, and sizes are bounded."""

from __future__ import annotations

import contextlib
import lzma
import os
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from edgenas.errors import ExportError, UsageError
from edgenas.export.package.bundle import SUMS
from edgenas.files import JSON_LIMIT, is_full, open_bounded, read_bounded, sha256, unwritable
from edgenas.text import one_line, quoted

MOST_MEMBERS = 1000
MOST_BYTES = 2**31  # of all members together, unpacked
FREE_BYTES, MOST_RATIO = 2**26, 50  # weights hardly shrink; a bomb is a thousand times as large unpacked
MOST_LISTED = 2**20  # bytes of the list of members
TAIL = 2**16 + 22  # where the end of that list is told
CHUNK = 2**20
HINT = "give the file that edgenas export --bundle wrote"


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Path]:
    """A folder with the bundle's files, for as long as the context lasts. Nothing in them is run.

    Raises: UsageError for what is no bundle; ExportError for members that no bundle has, or that were changed.
    """
    with tempfile.TemporaryDirectory(prefix="edgenas-") as name:
        folder = Path(name)
        try:
            with open_bounded(path, MOST_BYTES) as stream:
                check_directory(path, stream)
                with zipfile.ZipFile(stream) as archive:
                    check_members(path, archive.infolist())
                    _unpack(path, archive, folder)
        except (zipfile.BadZipFile, NotImplementedError, ValueError, IndexError, struct.error) as error:
            raise UsageError(f"{path} is no bundle: {one_line(str(error), 200)}", HINT) from error
        yield folder


def check_directory(path: Path, stream: BinaryIO) -> None:
    """Raises: ExportError when the list of members is longer than any bundle's, before it is read into memory."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - TAIL))
    tail = stream.read(TAIL)
    end = tail.rfind(b"PK\5\6")
    if end >= 0 and len(tail) >= end + 16 and struct.unpack_from("<I", tail, end + 12)[0] > MOST_LISTED:
        raise ExportError(f"{path} is refused: its list of members is longer than {MOST_LISTED} bytes")
    stream.seek(0)


def check_members(path: Path, members: list[zipfile.ZipInfo]) -> None:
    """Raises: ExportError naming a member that would be written elsewhere, is no plain file or is too large."""
    if len(members) > MOST_MEMBERS:
        raise ExportError(f"{path} is refused: it has {len(members)} members, and a bundle has at most {MOST_MEMBERS}")
    seen: set[str] = set()
    for member in members:
        name, parts = member.filename, PurePosixPath(member.filename)
        kind = stat.S_IFMT(member.external_attr >> 16)
        if (parts.is_absolute() or ".." in parts.parts or not parts.parts or "\\" in name or ":" in name
                or not name.isprintable()):
            raise ExportError(f"{path} is refused: its member {quoted(name)} does not stay inside the folder")
        if kind not in (0, stat.S_IFDIR if member.is_dir() else stat.S_IFREG):
            raise ExportError(f"{path} is refused: its member {quoted(name)} is no plain file")
        if name in seen:
            raise ExportError(f"{path} is refused: it has two members {quoted(name)}")
        seen.add(name)
    unpacked, packed = sum(m.file_size for m in members), sum(m.compress_size for m in members)
    if unpacked > min(MOST_BYTES, max(FREE_BYTES, MOST_RATIO * packed)):
        raise ExportError(f"{path} is refused: unpacked it takes {unpacked >> 20} MiB, of {packed >> 10} KiB packed; a "
                          f"bundle takes at most {MOST_BYTES >> 20} MiB, and beyond {FREE_BYTES >> 20} MiB at most "
                          f"{MOST_RATIO} times its packed size")


def _unpack(path: Path, archive: zipfile.ZipFile, folder: Path) -> None:
    for member in archive.infolist():
        if member.is_dir():
            continue
        name, target = quoted(member.filename), folder / member.filename
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source, target.open("wb") as sink:
                count = _copied(source, sink, member.file_size)
        except OSError as error:
            if is_full(error):
                raise unwritable(f"the files of {path} to {folder}", error) from error
            raise ExportError(f"{path} is refused: its member {name} cannot be unpacked: {error.strerror or error}"
                              ) from error
        except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError,
                ValueError) as error:
            raise ExportError(f"{path} is damaged: its member {name} cannot be read: {one_line(str(error), 200)}",
                              "take it from where it came from again") from error
        if count != member.file_size:
            raise ExportError(f"{path} is refused: its member {name} is not as large as it says")


def _copied(source: IO[bytes], sink: IO[bytes], most: int) -> int:
    """Bytes copied: not many more than `most`, whatever the archive holds."""
    count = 0
    while count <= most and (chunk := source.read(CHUNK)):
        sink.write(chunk)
        count += len(chunk)
    return count


def verify_sums(folder: Path, path: Path) -> int:
    """Check every file against the list of hashes; how many there are.

    Raises: ExportError naming the file that is missing, was changed, or is in no list.
    """
    hint = "take the bundle from where it came from again"
    listed: dict[str, str] = {}
    if not (folder / SUMS).is_file():
        raise ExportError(f"{path} has no {SUMS}, so its files cannot be verified", hint)
    for line in read_bounded(folder / SUMS, JSON_LIMIT).decode("utf-8", errors="replace").splitlines():
        digest, _, name = line.partition("  ")
        listed[name] = digest
    there = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()} - {SUMS}
    for name in sorted(there | set(listed)):
        if name not in there:
            raise ExportError(f"{path}: {name} is missing", hint)
        if name not in listed:
            raise ExportError(f"{path}: {name} was added: it is not in {SUMS}", hint)
        if sha256(folder / name) != listed[name]:
            raise ExportError(f"{path}: {name} was changed: its SHA-256 is not the one in {SUMS}", hint)
    return len(there)
