from __future__ import annotations

import io
import tarfile

import pytest

from edgenas.errors import UsageError
from edgenas.measure.job import Job
from edgenas.measure.transports._bundle import pack


def test_holds_the_files_and_what_is_read(tmp_path):
    plain, program, link = tmp_path / "plain", tmp_path / "program", tmp_path / "link"
    plain.write_bytes(b"x" * 5000)
    program.write_bytes(b"y")
    program.chmod(0o755)
    link.symlink_to(plain)
    name = "0/" + "long" * 50 + " 'é\n"
    stream = io.BytesIO()
    size_kib = pack(Job({name: plain, "program": program, "again": link}, ("./program",), "é\n"), stream)
    stream.seek(0)
    with tarfile.open(fileobj=stream) as archive:
        found = {entry.name: (entry.mode, archive.extractfile(entry).read()) for entry in archive if entry.isfile()}
    assert found == {"stdin": (0o600, "é\n".encode()), f"job/{name}": (0o600, b"x" * 5000),
                     "job/program": (0o700, b"y"), "job/again": (0o600, b"x" * 5000)}
    assert size_kib == 4 * (1 + 2 + 1 + 2)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    for path in (tmp_path, tmp_path / "gone"):
        with pytest.raises(UsageError, match=f"cannot read {path}: "):
            pack(Job({"x": path}, ("true",)), io.BytesIO())
