from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgenas.errors import FileError, RunError, StorageError
from edgenas.files import (
    append_line,
    open_bounded,
    out_of_room,
    read_bounded,
    read_json,
    read_toml,
    replacing,
    sha256,
    write_json,
    write_text,
)


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_replacing_renames_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "a.txt"
    with replacing(path) as scratch:
        assert scratch.parent == path.parent
        assert scratch.suffix == ".txt"
        scratch.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert names(path.parent) == ["a.txt"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
def test_an_exception_leaves_the_old_file_and_no_other(tmp_path: Path, kind: type[BaseException]) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(kind), replacing(path) as scratch:
        scratch.write_text("half of the n")
        raise kind
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_the_content_is_on_the_disk_before_the_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def synced(descriptor: int) -> None:
        events.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).read_text())
        fsync(descriptor)

    def renamed(self: Path, target: Path) -> Path:
        events.append("renamed")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    write_text(tmp_path / "a.txt", "content")
    assert events == ["content", "renamed"]


def failing(*_: object, **__: object) -> None:
    raise OSError(errno.EROFS, os.strerror(errno.EROFS))


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.mkstemp", failing)
    with pytest.raises(StorageError) as caught:
        write_text(tmp_path / "a.txt", "x")
    assert caught.value.message == f"cannot write {tmp_path / 'a.txt'}: Read-only file system"
    assert "another folder" in caught.value.hint


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_one_sentence(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StorageError, match="cannot write .*: Permission denied"):
        write_text(tmp_path / "a.txt", "x")


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(StorageError, match="cannot write .*a.txt: No space left on device"), replacing(path) as scratch:
        scratch.write_text("ha")
        Path("/dev/full").write_text("lf")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_a_file_in_the_place_of_a_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    for write in (write_text, append_line):
        with pytest.raises(StorageError, match="cannot write"):
            write(tmp_path / "a" / "b.txt", "x")


def test_json_is_indented_sorted_and_refuses_what_is_no_number(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"b": 1, "a": [0.5]})
    assert path.read_text() == '{\n "a": [\n  0.5\n ],\n "b": 1\n}\n'
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValueError):
            write_json(path, {"a": value})
    assert json.loads(path.read_text()) == {"a": [0.5], "b": 1}
    assert names(tmp_path) == ["a.json"]


LINE = st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]))


@given(st.lists(LINE, max_size=5))
@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_lines_are_appended_in_order(tmp_path: Path, lines: list[str]) -> None:
    path = tmp_path / "deep" / "a.jsonl"
    path.unlink(missing_ok=True)
    for line in lines:
        append_line(path, line)
    content = path.read_text(encoding="utf-8") if path.exists() else ""
    assert content == "".join(line + "\n" for line in lines)


def test_an_appended_line_is_on_the_disk_when_the_call_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, synced = tmp_path / "a.jsonl", []
    path.write_text("one\n")
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(path.read_text()))
    append_line(path, "two")
    assert synced == ["one\ntwo\n"]


def test_sha256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\0abc" * 100_000)
    assert sha256(tmp_path / "a") == hashlib.sha256(b"\0abc" * 100_000).hexdigest()


def test_a_pipe_and_a_device_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileError, match="is a pipe, not a regular file"):
        read_bounded(tmp_path / "pipe", 10)
    with pytest.raises(FileError, match="is a device"):
        read_bounded(Path("/dev/zero"), 10)
    with pytest.raises(FileError, match="is a folder"):
        read_bounded(tmp_path, 10)


def test_a_large_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(FileError, match="has 1099511627776 bytes; at most 10 are read"):
        read_bounded(path, 10)


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000, "\udcff" + "y" * 300])
def test_a_path_that_no_file_can_have_is_one_sentence(name: str) -> None:
    with pytest.raises(FileError, match="cannot read"):
        read_bounded(Path(name), 10)


@pytest.mark.parametrize("content", ["[" * 100 + "]" * 100, "[" * 200_000, '{"a":' * 70 + "1" + "}" * 70,
                                     "9" * 5000, "{", "\x00"])
def test_a_damaged_or_deep_json_file_is_one_sentence(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(RunError, match="is damaged"):
        read_json(path)


def test_a_deep_toml_file_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    for content in ["a = " + "[" * 100 + "]" * 100, "a = " + "[" * 50_000, "a.b." * 60 + "c.d.e.f.g.h=1", "a = ", "\0"]:
        path.write_text(content)
        with pytest.raises(FileError, match="deeper|no TOML"):
            read_toml(path)


def test_only_what_fails_while_it_is_read_is_told_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    for error in (OSError(errno.ENOSPC, "another file"), ValueError("another value")):
        with pytest.raises(type(error)) as caught, open_bounded(path, 10):
            raise error
        assert caught.value is error
    with open_bounded(path, 10) as stream:
        assert (stream.read(3), stream.seek(-1, os.SEEK_END), stream.read()) == (b"con", 6, b"t")
        with pytest.raises(OSError, match="Invalid argument"):  # the caller's fault, and told as such
            stream.seek(-9, os.SEEK_END)
    with pytest.raises(FileError, match="cannot read /proc/self/mem: Input/output error"), \
            open_bounded(Path("/proc/self/mem"), 10) as stream:
        stream.read(1)


@pytest.mark.parametrize("error", [
    OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "net.bin"), OSError(errno.EROFS, os.strerror(errno.EROFS)),
    RuntimeError("ld: final link failed: No space left on device"), RuntimeError("cannot write: Disk quota exceeded"),
])
def test_a_full_disk_is_known_whichever_library_says_so(error: Exception) -> None:
    try:
        try:
            raise error
        except Exception as cause:
            raise ValueError("vela cannot compile it") from cause
    except ValueError as outer:
        found = out_of_room(outer)
    assert isinstance(found, StorageError) and found.message.startswith("cannot write ") and "TMPDIR" in found.hint
    assert out_of_room(ValueError("no such operator")) is None
    assert out_of_room(OSError(errno.EACCES, os.strerror(errno.EACCES), "net.bin")) is None
