"""What a file, a bundle or an artifacts folder is, and whether it is as it was made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgenas.errors import ExportError, UsageError
from edgenas.export.check.doubts import doubts
from edgenas.export.check.findings import described
from edgenas.export.package import manifest
from edgenas.export.package.about import embedded
from edgenas.export.package.contents import figures, operators, reads, signature
from edgenas.export.package.unbundle import opened, verify_sums
from edgenas.files import sha256

Document = dict[str, Any]
HINT = "give an exported file, a bundle (.zip), an artifacts folder or a run"


def inspect(path: Path) -> Document:
    """All that is known of it, as JSON values; nothing in it is run.

    `verified` says against what it was checked; it is empty where there is nothing to check it against.

    Raises: UsageError for what is none of these; ExportError for a file that was changed or is damaged.
    """
    if path.is_dir():
        return _folder(path)
    if not path.is_file():
        raise UsageError(f"there is no {path}", HINT)
    return _bundle(path) if path.suffix == ".zip" else _file(path)


def _folder(path: Path) -> Document:
    folder = next((place for place in (path, path / "artifacts") if (place / manifest.NAME).is_file()), None)
    if folder is None:
        raise UsageError(f"there is no {manifest.NAME} in {path}", HINT)
    return {"kind": "folder", "path": str(path)} | _described(folder, [])


def _bundle(path: Path) -> Document:
    with opened(path) as folder:
        if not (folder / manifest.NAME).is_file():
            raise UsageError(f"{path} is no bundle: there is no {manifest.NAME} in it", HINT)
        count = verify_sums(folder, path)
        members = {file.relative_to(folder).as_posix(): file.stat().st_size
                   for file in sorted(folder.rglob("*")) if file.is_file()}
        found = _described(folder, [f"SHA-256 of {count} files"])
    return {"kind": "bundle", "path": str(path), "bytes": path.stat().st_size, "sha256": sha256(path),
            "members": members} | found


def _described(folder: Path, verified: list[str]) -> Document:
    """What the manifest in `folder` says, and each of its artifacts."""
    document = manifest.read(folder)
    manifest.verify_hashes(document, folder)
    whole = document.model_dump(mode="json")
    artifacts = [_artifact(folder / artifact.path, artifact, document) for artifact in document.artifacts]
    said = [f"SHA-256 of {len(artifacts)} artifacts in {manifest.NAME}"]
    if any(artifact["about"] for artifact in artifacts):
        said.append("what the files say of themselves")
    return {"verified": [*verified, *said], "artifacts": artifacts,
            "provenance": {key: whole[key] for key in whole if key not in ("artifacts", "schema_version")}}


def _artifact(path: Path, artifact: manifest.Artifact, document: manifest.Manifest) -> Document:
    about = embedded(path)
    if about and (about.classes, about.architecture) != (document.classes, document.architecture):
        raise ExportError(f"{path.name} says that it is another network than {manifest.NAME} does",
                          "export the network again")
    return artifact.model_dump(mode="json") | {
        "in_the_file": described(artifact.gates), "warnings": doubts(artifact),
        "about": about.model_dump(mode="json") if about else None}


def _file(path: Path) -> Document:
    inputs, outputs = signature(path)
    about, images = embedded(path), reads(path)
    found: Document = {
        "kind": "file", "path": str(path), "bytes": path.stat().st_size, "sha256": sha256(path),
        "inputs": [spec.model_dump(mode="json") for spec in inputs],
        "outputs": [spec.model_dump(mode="json") for spec in outputs], "operators": operators(path),
        "figures": figures(path), "reads": images.model_dump(mode="json") if images else None,
        "about": about.model_dump(mode="json") if about else None,
        "verified": ["what the file says of itself"] if about and about.body_sha256 else []}
    artifact = _entry(path)
    if artifact is None:
        return found
    if artifact.sha256 != found["sha256"]:
        raise ExportError(f"{path} was changed after its export: its SHA-256 is not the one in {manifest.NAME} beside "
                          "it", "export the network again")
    return found | {"verified": [*found["verified"], f"SHA-256 in {manifest.NAME} beside it"],
                    "manifest": artifact.model_dump(mode="json")}


def _entry(path: Path) -> manifest.Artifact | None:
    """What a manifest beside the file says of it."""
    if not (path.parent / manifest.NAME).is_file():
        return None
    return next((artifact for artifact in manifest.read(path.parent).artifacts if artifact.path == path.name), None)

