"""Opening a bundle that somebody else may have made: no member leaves the folder, and sizes are bounded."""

from __future__ import annotations

import contextlib
import hashlib
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from edgenas.errors import ExportError, UsageError

from .bundle import SUMS

MOST_MEMBERS = 1000
MOST_BYTES = 2**31  # of all members together, unpacked
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
            with zipfile.ZipFile(path) as archive:
                check_members(path, archive.infolist())
                _unpack(path, archive, folder)
        except zipfile.BadZipFile as error:
            raise UsageError(f"{path} is no bundle: {error}", HINT) from error
        except OSError as error:
            raise UsageError(f"cannot read {path}: {error.strerror or error}") from error
        yield folder


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
            raise ExportError(f"{path} is refused: its member {name!r} does not stay inside the folder")
        if kind not in (0, stat.S_IFDIR if member.is_dir() else stat.S_IFREG):
            raise ExportError(f"{path} is refused: its member {name!r} is no plain file")
        if name in seen:
            raise ExportError(f"{path} is refused: it has two members {name!r}")
        seen.add(name)
    if sum(member.file_size for member in members) > MOST_BYTES:
        raise ExportError(f"{path} is refused: unpacked it takes more than {MOST_BYTES >> 20} MiB")


def _unpack(path: Path, archive: zipfile.ZipFile, folder: Path) -> None:
    for member in archive.infolist():
        if member.is_dir():
            continue
        target = folder / member.filename
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with archive.open(member) as source, target.open("wb") as sink:
                count = _copied(source, sink, member.file_size)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise ExportError(f"{path} is damaged: its member {member.filename!r} cannot be read: {error}",
                              "take it from where it came from again") from error
        if count != member.file_size:
            raise ExportError(f"{path} is refused: its member {member.filename!r} is not as large as it says")


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
    for line in (folder / SUMS).read_text(encoding="utf-8", errors="replace").splitlines():
        digest, _, name = line.partition("  ")
        listed[name] = digest
    there = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()} - {SUMS}
    for name in sorted(there | set(listed)):
        if name not in there:
            raise ExportError(f"{path}: {name} is missing", hint)
        if name not in listed:
            raise ExportError(f"{path}: {name} was added: it is not in {SUMS}", hint)
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != listed[name]:
            raise ExportError(f"{path}: {name} was changed: its SHA-256 is not the one in {SUMS}", hint)
    return len(there)
