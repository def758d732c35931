"""What `edgenas inspect` found, as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edgenas.cli.output import say, table

Document = Mapping[str, Any]
MANY = 10  # classes and choices shown


def show(document: Document) -> None:
    if document["kind"] == "file":
        _file(document)
    else:
        _artifacts(document)
    _provenance(document.get("provenance") or document["about"] or {})
    checked = document["verified"]
    say(f"verified: {', '.join(checked)}" if checked else
               "NOT verified: nothing is beside it, or in it, that says how it was made")


def _file(document: Document) -> None:
    rows = [["bytes", document["bytes"]], ["SHA-256", document["sha256"]],
            *(["input", spec_text(spec)] for spec in document["inputs"]),
            *(["output", spec_text(spec)] for spec in document["outputs"]),
            ["operators", counted(document["operators"])],
            *([name, f"{value:.4g}"] for name, value in document["figures"].items()),
            *([["image files", _images(document["reads"])]] if document["reads"] else [])]
    table(document["path"], ["what", "value"], [[what, str(value)] for what, value in rows])


def _artifacts(document: Document) -> None:
    table(document["path"], ["file", "format", "precision", "target", "KiB", "input", "output", "beside PyTorch",
                             "in the file", "SHA-256"],
          [[a["path"], a["format"], a["precision"], a["target"], a["bytes"] / 1024,
            " ".join(map(spec_text, a["inputs"])), " ".join(map(spec_text, a["outputs"])),
            f"{a['max_abs']:.2g}, {a['agreement']:.1%}", a["in_the_file"], a["sha256"][:12]]
           for a in document["artifacts"]])
    for artifact in document["artifacts"]:
        say(f"{artifact['path']}: {counted(artifact['operators'])}")
        if artifact["reads"]:
            say(f"{artifact['path']} reads {_images(artifact['reads'])}")
        for text in artifact["warnings"]:
            say(f"WARNING: {artifact['path']}: {text}", err=True)
    if "members" in document:
        say(f"files: {', '.join(document['members'])}")


def _images(reads: Document) -> str:
    needs = f", with the shared {' and '.join(reads['needs'])} of the machine where it runs" if reads["needs"] else ""
    return f"{', '.join(reads['kinds'])}{needs}"


def _provenance(found: Document) -> None:
    if not found:
        return
    how = found["input"]["preprocessing"]
    said = {
        "edgenas": found["edgenas_version"], "created": found.get("created"), "command": found.get("command"),
        "space": found["space"], "seed": found["seed"], "precision": found.get("precision"),
        "architecture": shortened([f"{place}={name}" for place, name in found["architecture"].items()]),
        "classes": f"{len(found['classes'])}: {shortened(found['classes'])}",
        "preprocessing": f"{how['channels']}, {how['size'][0]}x{how['size'][1]}, {how['resize']}, "
                         f"(value * {how['scale']:.6g} - {_figures(how['mean'])}) / {_figures(how['std'])}",
        "weights SHA-256": found.get("weights_sha256"), "profile SHA-256": found.get("profile_sha256"),
        "data": found.get("data_fingerprint"),
        "made with": ", ".join(f"{name} {version}" for name, version in found.get("versions", {}).items()),
    }
    table("what it is and where it comes from", ["what", "value"],
          [[what, str(value)] for what, value in said.items() if value not in (None, "")])


def spec_text(spec: Document) -> str:
    """`image float32 1x3x32x32`."""
    scale = spec.get("quantisation")
    real = f" (value - {scale['zero_point']}) * {scale['scale']:.4g}" if scale else ""
    return f"{spec['name']} {spec['dtype']} {'x'.join(map(str, spec['shape']))}{real}"


def counted(operators: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in operators.items())


def shortened(names: Sequence[str]) -> str:
    return ", ".join(names[:MANY]) + (f" and {len(names) - MANY} more" if len(names) > MANY else "")


def _figures(values: Sequence[float]) -> str:
    return "[" + ", ".join(f"{value:.4g}" for value in values) + "]"
