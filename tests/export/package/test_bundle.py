from __future__ import annotations

import json
import os
import shutil
import stat
import struct
import subprocess
import warnings
import zipfile
from pathlib import Path

import pytest

from edgenas.errors import EdgenasError, ExportError, RunError, UsageError
from edgenas.export.package import manifest
from edgenas.export.package.bundle import write_bundle
from edgenas.export.package.contents import Sidecar, signature
from edgenas.export.package.inspection import inspect
from edgenas.export.package.unbundle import MOST_BYTES, opened
from edgenas.files import write_json

from ..folders import CLASSES, described


@pytest.fixture
def folder(export_all, tmp_path: Path) -> Path:
    made = tmp_path / "artifacts"
    made.mkdir()
    for format, suffix in (("onnx", ".onnx"), ("tflite", ".tflite")):
        shutil.copy(export_all(format).items["net"].path, made / f"net{suffix}")
    (made / "net.c").write_text("int x;")
    (made / "net.h").write_text("extern int x;")
    inputs, outputs = signature(made / "net.onnx")
    write_json(made / "net.c.json", Sidecar(inputs=inputs, outputs=outputs, operators={"CONV_2D": 1}, target="host")
               .model_dump(mode="json"))
    (made / "unrelated.txt").write_text("mine")
    described(made, {"net.onnx": "onnx", "net.tflite": "tflite", "net.c": "c_array"})
    return made


@pytest.fixture
def bundle(folder: Path, tmp_path: Path) -> Path:
    write_bundle(folder, tmp_path / "net.zip")
    return tmp_path / "net.zip"


def test_a_bundle_holds_what_a_user_needs(bundle: Path, folder: Path) -> None:
    with zipfile.ZipFile(bundle) as archive:
        names = archive.namelist()
        assert names == sorted(names) and set(names) == {
            "LICENSE.txt", "README.md", "SHA256SUMS", "labels.txt", "manifest.json", "net.c", "net.c.json", "net.h",
            "net.onnx", "net.tflite", "preprocessing.json", "run_onnx.py", "run_tflite.py"}
        assert archive.read("labels.txt").decode().splitlines() == list(CLASSES)
        assert json.loads(archive.read("preprocessing.json"))["mean"] == [0.5, 0.4, 0.3]
        readme = archive.read("README.md").decode()
        assert archive.read("net.onnx") == (folder / "net.onnx").read_bytes()
        assert stat.S_IMODE(archive.getinfo("net.onnx").external_attr >> 16) == 0o644
    for word in (*CLASSES, "`net.tflite`", "python run_onnx.py . photo.jpg", "c_array: built into a program of yours",
                 "edgenas run --out mini", "20 x 28"):
        assert word in readme, word
    assert "run_tvm" not in readme


def test_the_same_artifacts_make_the_same_bundle(bundle: Path, folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "elsewhere")
    write_bundle(tmp_path / "elsewhere", tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == bundle.read_bytes()


def test_its_files_are_verified_by_sha256sum(bundle: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(tmp_path / "out")
    done = subprocess.run(["sha256sum", "-c", "--quiet", "--strict", "SHA256SUMS"], cwd=tmp_path / "out", check=False)
    assert done.returncode == 0


def test_what_cannot_be_bundled(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="net.tar is no zip file"):
        write_bundle(folder, tmp_path / "net.tar")
    with pytest.raises(RunError, match=r"cannot read .*manifest.json"):
        write_bundle(tmp_path, tmp_path / "net.zip")
    (folder / "net.onnx").write_bytes(b"changed")
    with pytest.raises(ExportError, match="net.onnx was changed"):
        write_bundle(folder, tmp_path / "net.zip")
    assert not (tmp_path / "net.zip").exists()


def test_a_bundle_is_inspected_without_its_folder(bundle: Path) -> None:
    found = inspect(bundle)
    assert found["kind"] == "bundle" and "README.md" in found["members"]
    assert found["provenance"]["classes"] == list(CLASSES)
    assert [artifact["path"] for artifact in found["artifacts"]] == ["net.onnx", "net.tflite", "net.c"]
    assert found["verified"] == ["SHA-256 of 12 files", "SHA-256 of 3 artifacts in manifest.json",
                                 "what the files say of themselves"]


def rewritten(bundle: Path, changes: dict[str, bytes | None]) -> Path:
    """A copy with members replaced, added, or, where None, left out."""
    to = bundle.with_name("other.zip")
    with zipfile.ZipFile(bundle) as source, zipfile.ZipFile(to, "w") as sink:
        for name in [*source.namelist(), *(set(changes) - set(source.namelist()))]:
            content = changes.get(name, b"") if name in changes else source.read(name)
            if content is not None:
                sink.writestr(name, content)
    return to


@pytest.mark.parametrize(("changes", "words"), [
    ({"net.onnx": b"other"}, "net.onnx was changed"), ({"README.md": b"trust me"}, "README.md was changed"),
    ({"labels.txt": None}, "labels.txt is missing"), ({"extra.py": b"print()"}, "extra.py was added"),
    ({"SHA256SUMS": None}, "has no SHA256SUMS"),
])
def test_a_bundle_that_was_changed_is_refused(bundle: Path, changes, words: str) -> None:
    with pytest.raises(ExportError, match=words):
        inspect(rewritten(bundle, changes))


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "a\\evil", "C:evil"])
def test_a_member_that_leaves_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), b"x")
    with pytest.raises(ExportError, match="does not stay inside the folder"), opened(tmp_path / "evil.zip"):
        pass
    assert not list(tmp_path.parent.glob("**/evil"))


def test_links_doubles_and_floods_are_refused(tmp_path: Path) -> None:
    def refused(words: str, *entries: zipfile.ZipInfo) -> None:
        with warnings.catch_warnings(), zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
            warnings.simplefilter("ignore")  # zipfile's own, of doubles
            for entry in entries:
                archive.writestr(entry, b"/etc/passwd")
        with pytest.raises(ExportError, match=words), opened(tmp_path / "evil.zip"):
            pass

    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    refused("'link' is no plain file", link)
    refused("two members 'a'", zipfile.ZipInfo("a"), zipfile.ZipInfo("a"))
    refused("has 1001 members", *(zipfile.ZipInfo(f"{index}") for index in range(1001)))


def test_a_member_larger_than_it_says_or_than_is_allowed_is_refused(tmp_path: Path, monkeypatch) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(2**20))
    monkeypatch.setattr("edgenas.export.package.unbundle.MOST_BYTES", 2**20 - 1)
    with pytest.raises(ExportError, match="unpacked it takes 1 MiB"), opened(tmp_path / "bomb.zip"):
        pass
    assert MOST_BYTES >= 2**30


def test_what_is_small_only_while_it_is_packed_is_refused(tmp_path: Path, monkeypatch) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(2**20))
    monkeypatch.setattr("edgenas.export.package.unbundle.FREE_BYTES", 2**19)
    with pytest.raises(ExportError, match="unpacked it takes 1 MiB, of 1 KiB packed"), opened(tmp_path / "bomb.zip"):
        pass


def test_a_list_of_members_without_end_is_refused_before_it_is_read(tmp_path: Path) -> None:
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, 2**21, 0, 0)
    (tmp_path / "many.zip").write_bytes(bytes(2**21) + end)
    with pytest.raises(ExportError, match="its list of members is longer"), opened(tmp_path / "many.zip"):
        pass


@pytest.mark.parametrize(("at", "value"), [(4, 99), (6, 1), (8, 77), (6, 0x41)])
def test_zips_of_kinds_that_are_not_read_are_refused(tmp_path: Path, at: int, value: int) -> None:
    """A later version, encryption, an unknown compression: in the member's header and in the list of members."""
    with zipfile.ZipFile(tmp_path / "odd.zip", "w") as archive:
        archive.writestr("a", b"content")
    content = bytearray((tmp_path / "odd.zip").read_bytes())
    for start in (content.index(b"PK\3\4") + at, content.index(b"PK\1\2") + at + 2):
        content[start] = value
    (tmp_path / "odd.zip").write_bytes(content)
    with pytest.raises(EdgenasError) as caught:
        inspect(tmp_path / "odd.zip")
    assert str(tmp_path / "odd.zip") in caught.value.message


@pytest.mark.parametrize("names", [["a" * 300], ["a", "a/b"], ["/".join("a" * 3000)]])
def test_names_that_no_folder_can_hold_are_refused(tmp_path: Path, names: list[str]) -> None:
    with zipfile.ZipFile(tmp_path / "odd.zip", "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    with pytest.raises(ExportError, match="cannot be unpacked"):
        inspect(tmp_path / "odd.zip")


def test_a_pipe_is_no_bundle(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.zip")
    with pytest.raises(UsageError, match="is a pipe, not a regular file"), opened(tmp_path / "pipe.zip"):
        pass


@pytest.mark.parametrize("name", ["net.c.json", "net.c", "net.h", "manifest.json"])
def test_no_link_makes_another_file_part_of_a_bundle(folder: Path, tmp_path: Path, name: str) -> None:
    shutil.move(folder / name, tmp_path / name)
    (folder / name).symlink_to(tmp_path / name)
    with pytest.raises(ExportError, match="is a link"):
        write_bundle(folder, tmp_path / "net.zip")
    assert not (tmp_path / "net.zip").exists()


def test_what_is_no_bundle(tmp_path: Path, bundle: Path) -> None:
    (tmp_path / "text.zip").write_text("no archive")
    with pytest.raises(UsageError, match="text.zip is no bundle"):
        inspect(tmp_path / "text.zip")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("a", b"")
    with pytest.raises(UsageError, match="there is no manifest.json in it"):
        inspect(tmp_path / "other.zip")
    content = bytearray(bundle.read_bytes())
    content[200] ^= 255
    bundle.write_bytes(content)
    with pytest.raises(ExportError, match="cannot be read|was changed"):
        inspect(bundle)


def test_a_manifest_of_another_network_than_the_file_says_is_refused(folder: Path) -> None:
    document = manifest.read(folder)
    manifest.write(document.model_copy(update={"architecture": {"1": "narrow"}}), folder)
    with pytest.raises(ExportError, match="net.onnx says that it is another network than manifest.json does"):
        inspect(folder)
