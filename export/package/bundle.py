"""An artifacts folder as one zip file for people who have neither edgenas nor the run."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

from edgenas.errors import UsageError
from edgenas.export import exporter
from edgenas.export.package import manifest
from edgenas.export.package.bundle_readme import licence, readme
from edgenas.export.package.contents import sidecar_path
from edgenas.files import replacing

SCRIPTS = Path(__file__).parent / "scripts"
SUMS = "SHA256SUMS"
DATE = (1980, 1, 1, 0, 0, 0)
"""The same files make the same bundle, whenever it is made."""


def write_bundle(folder: Path, path: Path) -> manifest.Manifest:
    """Pack the artifacts of `folder`, as its manifest has them, and all that explains and runs them.

    Raises: RunError without a manifest; ExportError when an artifact is missing or was changed; UsageError when
    `path` is no .zip or cannot be written.
    """
    check_name(path)
    document = manifest.read(folder)
    manifest.verify_hashes(document, folder)
    if not document.artifacts:
        raise UsageError(f"there is nothing to bundle in {folder}", "export the network first")
    members = contents(document, folder)
    members[SUMS] = sums(members)
    with replacing(path) as scratch, zipfile.ZipFile(scratch, "w") as archive:
        for name in sorted(members):
            archive.writestr(_entry(name), members[name], compresslevel=9)
    return document


def check_name(path: Path) -> None:
    """Raises: UsageError unless it ends in .zip."""
    if path.suffix != ".zip":
        raise UsageError(f"--bundle {path} is no zip file", f"--bundle {path.with_name(path.name + '.zip')}")


def contents(document: manifest.Manifest, folder: Path) -> dict[str, bytes]:
    """Name -> content of every file of the bundle but the list of hashes."""
    texts = {
        "README.md": readme(document, scripts(document)),
        "LICENSE.txt": licence(document),
        "labels.txt": "".join(f"{label}\n" for label in document.classes),
        "preprocessing.json": json.dumps(document.input.preprocessing.model_dump(mode="json"), indent=1) + "\n",
    }
    own = [folder / manifest.NAME]
    for artifact in document.artifacts:
        own += companions(folder / artifact.path, artifact.format)
    for file in own:
        manifest.refuse_link(file, folder)
    files = [*own, *(SCRIPTS / name for name in scripts(document).values())]
    return {name: text.encode() for name, text in texts.items()} | {
        (file.name if file.parent == SCRIPTS else file.relative_to(folder).as_posix()): file.read_bytes()
        for file in files}


def companions(path: Path, format: str) -> list[Path]:
    """An artifact and what stands beside it: its signature, a C array's header."""
    beside = [sidecar_path(path), *(path.with_suffix(suffix) for suffix in exporter(format).beside)]
    return [path, *(file for file in beside if file.is_file())]


def scripts(document: manifest.Manifest) -> dict[str, str]:
    """Format -> the example that runs it, for those formats that there is one for."""
    formats = dict.fromkeys(artifact.format for artifact in document.artifacts)
    return {format: f"run_{format}.py" for format in formats if (SCRIPTS / f"run_{format}.py").is_file()}


def sums(members: dict[str, bytes]) -> bytes:
    """What `sha256sum -c` reads."""
    return "".join(f"{hashlib.sha256(members[name]).hexdigest()}  {name}\n" for name in sorted(members)).encode()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, DATE)
    entry.create_system, entry.compress_type = 3, zipfile.ZIP_DEFLATED
    entry.external_attr = (0o100755 if name.endswith((".bin", ".run")) else 0o100644) << 16
    return entry
