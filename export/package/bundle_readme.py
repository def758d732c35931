"""The texts of a bundle, made for what is in it."""

from __future__ import annotations

from collections.abc import Mapping

from edgenas.export import exporter
from edgenas.export.check.findings import described
from edgenas.export.package.manifest import Artifact, Manifest
from edgenas.export.package.preprocessing import Preprocessing

SHOWN = 10  # labels in the text; all of them are in labels.txt


def readme(document: Manifest, scripts: Mapping[str, str]) -> str:
    parts = [f"# A classifier of {len(document.classes)} classes\n\n{_classes(document)}", _files(document),
             _running(document, scripts), _input(document), _provenance(document)]
    return "\n".join(parts)


def _classes(document: Manifest) -> str:
    shown = ", ".join(document.classes[:SHOWN])
    more = f" and {len(document.classes) - SHOWN} more" if len(document.classes) > SHOWN else ""
    return f"It tells apart: {shown}{more} (`labels.txt`, in the order of the outputs).\n"


def _files(document: Manifest) -> str:
    rows = [f"| `{a.path}` | {a.format} | {a.precision} | {a.bytes / 1024:.1f} | {_target(a)} | {_parity(a)} | "
            f"{described(a.gates)} |" for a in document.artifacts]
    return "\n".join([
        "## Files\n", "| file | format | precision | KiB | made for | beside PyTorch | in the file |",
        "| --- | --- | --- | --- | --- | --- | --- |", *rows,
        "\nEach file was run beside the PyTorch network on validation images when it was exported; what was made for "
        "another machine, as it is when built for the machine that exported it.\n"])


def _target(artifact: Artifact) -> str:
    if exporter(artifact.format).portable:
        return "any machine"
    return "the kind of processor that it was exported on" if artifact.target == "host" else artifact.target


def _parity(artifact: Artifact) -> str:
    text = (f"largest difference {artifact.max_abs:.2g}, same class for {artifact.agreement:.1%} of "
            f"{artifact.parity_images} images")
    q = artifact.quantisation
    return text if q is None else f"{text}; {q.drop_points:.2f} points of accuracy lost by int8"


def _running(document: Manifest, scripts: Mapping[str, str]) -> str:
    lines = ["## Running it\n"]
    for format, script in scripts.items():
        lines += [f"{format}, with neither edgenas nor PyTorch:\n", "```"]
        if exporter(format).suffix in exporter(format).programs:
            lines += [*_reading(document, format), ""]
        lines += [f"pip install {exporter(format).example_needs}", f"python {script} . photo.jpg", "```\n"]
    others = sorted({artifact.format for artifact in document.artifacts} - set(scripts))
    if others:
        lines.append(f"{', '.join(others)}: built into a program of yours; the `.json` beside a file has its "
                     "signature.\n")
    return "\n".join(lines)


def _reading(document: Manifest, format: str) -> list[str]:
    """How a program is given an image, and which."""
    lines = [f"chmod +x *{exporter(format).suffix}"]
    lines += [f"./{a.path} --image < photo     # {a.reads.words}" for a in document.artifacts
              if a.format == format and a.reads]
    needed = sorted({library for a in document.artifacts if a.reads for library in a.reads.needs})
    return [*lines, *([f"# needs the shared libraries {' and '.join(needed)}"] if needed else [])]


def _input(document: Manifest) -> str:
    how: Preprocessing = document.input.preprocessing
    height, width = how.size
    return (f"## Input\n\nAn image, turned upright, on white where it is transparent, as {how.channels}, cut to the "
            f"proportions of {height} x {width} pixels (height x width) around its centre and resized to that "
            f"bilinearly. Then, for each channel, value * {how.scale:.8g} - mean, divided by std:\n\n"
            f"- mean {_figures(how.mean)}\n- std {_figures(how.std)}\n\n"
            "`preprocessing.json` has the exact figures. PyTorch's order is (1, channels, height, width); a file's "
            "own order and type are its `inputs` in `manifest.json`.\n")


def _figures(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:.6g}" for value in values)


def _provenance(document: Manifest) -> str:
    command = f"\n\n```\n{document.command}\n```\n" if document.command else "\n"
    return (f"## Where it comes from\n\nedgenas {document.edgenas_version}, space {document.space}, seed "
            f"{document.seed}.{command}\n`sha256sum -c SHA256SUMS` in this folder, or `edgenas inspect` with the "
            "bundle, shows whether the files are as they were made.\n")


def licence(document: Manifest) -> str:
    return f"""The network
    Its weights were made by edgenas {document.edgenas_version} from the data and by the command in manifest.json.
    edgenas claims no rights in them. Whoever gives them to others does so under the terms that the licence of that
    data, of a network that was taught from, and of code of one's own in it allow, and should state them here.

run_*.py
    Examples of edgenas, under the Apache License 2.0: https://www.apache.org/licenses/LICENSE-2.0

A stand-alone program (.bin) or a TVM library (.so)
    Holds code that Apache TVM made, and the former edgenas's own, both under the Apache License 2.0, and, where it is
    statically linked, parts of the C library of the system that it was made on, under that library's licence. A program
    that reads JPEG or PNG (`reads` in manifest.json) does so by that system's libjpeg or libjpeg-turbo (the IJG and BSD
    licences), and by its libpng and zlib (theirs), and holds them unless `needs` names them. It is based in part on the
    work of the Independent JPEG Group.

The software that runs the other files is not in here; it comes under licences of its own.
"""
