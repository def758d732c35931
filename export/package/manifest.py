"""`manifest.json`: all that someone who holds a folder of artifacts needs to know to use and trust them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationError

from edgenas.errors import ExportError, FileError, RunError
from edgenas.export.check.coverage import Coverage
from edgenas.export.native.reads import Reads
from edgenas.export.package.contents import Specs
from edgenas.export.package.preprocessing import Preprocessing, Record
from edgenas.export.tvm.tuned import Tuned
from edgenas.files import JSON_LIMIT, read_bounded, sha256, write_json
from edgenas.text import one_line

NAME = "manifest.json"
SCHEMA_VERSION: Literal[1] = 1

Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def _inside(path: str) -> str:
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or not parts.parts:
        raise ValueError(f"{path!r} does not stay inside the folder")
    return path


class Input(Record):
    """The network's input as PyTorch has it: `shape` is (1, C, H, W); an artifact's own layout is with it."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    preprocessing: Preprocessing


class Quantisation(Record):
    """How an int8 or mixed file was made, and what that cost on validation images, measured on the file in its runtime.

    method: ptq, ranges from the calibration images (of the training part); qat, trained further as it is rounded.
    Accuracies are shares, of the network in float32 and of the file; the drop is in points, fp32 minus int8, and at
    most max_drop_points. coverage: what of the file is int8, and what stays in float32.
    """

    method: Literal["ptq", "qat"]
    calibration_images: int
    validation_images: int
    validation_accuracy_fp32: float
    validation_accuracy_int8: float
    drop_points: float
    max_drop_points: float
    coverage: Coverage | None = None


class Gates(Record):
    """What was found in a file beside its numerics, when it was exported.

    transposes: how many the file holds; transposes_wanted: operators of the network that reorder axes; layouts_wanted:
    changes between NCHW and NHWC that it asks for; residual: transposes that it does not ask for. partitions: into how
    many parts LiteRT's XNNPACK divides it, None for other formats; left: operators that XNNPACK does not take, with
    how many.
    """

    transposes: int
    transposes_wanted: int
    layouts_wanted: int
    residual: tuple[str, ...] = ()
    partitions: int | None = None
    left: dict[str, int] = {}

    @property
    def whole(self) -> bool:
        return self.partitions == 1 and not self.left


class Artifact(Record):
    """One exported file. `path` is relative to the manifest's folder; `target` is what it was compiled for.

    max_abs, agreement and parity_images are those of its comparison with PyTorch (see parity.py), figures
    measured on the file itself in its runtime, or in one of the same weights where nothing here runs it. quantisation:
    of an int8 or mixed file. int8: of a mixed file, the places of the architecture that are in int8. gates: of a
    format that is looked into. figures: what the file costs, by name with unit, as its compiler estimates or as was
    measured. unscheduled: kernels of a TVM library or a program that no rule of ours was for, which have TVM's
    default, slow schedule. tuned: kernel by kernel, what --tune measured and took. reads: the image files
    that a program reads by itself, or the program beside a library.
    """

    format: str
    runtime: str
    path: Annotated[str, AfterValidator(_inside)]
    bytes: int
    sha256: Hash
    inputs: Specs
    outputs: Specs
    layout: Literal["NCHW", "NHWC"]
    operators: dict[str, int]
    max_abs: float
    agreement: float
    parity_images: int
    target: str
    precision: Literal["fp32", "int8", "mixed"] = "fp32"
    int8: tuple[str, ...] = ()
    quantisation: Quantisation | None = None
    gates: Gates | None = None
    figures: dict[str, float] = {}
    unscheduled: tuple[str, ...] = ()
    tuned: Tuned | None = None
    reads: Reads | None = None


class Starter(Record):
    """The trained network that another gave away, of which this one was cut. packages: name -> version."""

    name: str
    packages: dict[str, str]
    licence: str
    source: str
    weights: str


class Manifest(Record):
    """created: when these very files were first made, with the time zone; command and seed: what makes the same network
    again. weights_sha256: of the safetensors file that they were made of. space: of a network that was not searched,
    the function that builds it. starter: what it was cut from, if it is not of the user's own making.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    edgenas_version: str
    created: datetime
    command: str
    seed: int
    space: str
    architecture: dict[str, str]
    classes: tuple[str, ...]
    input: Input
    profile_sha256: Hash | None = None
    weights_sha256: Hash | None = None
    versions: dict[str, str]
    artifacts: tuple[Artifact, ...]
    starter: Starter | None = None


def write(manifest: Manifest, folder: Path) -> None:
    """Write `folder`/manifest.json, unless the one there says the same: exporting again changes nothing.

    Raises: UsageError when it cannot be written.
    """
    path = folder / NAME
    try:
        known = read(folder).model_copy(update={"created": manifest.created}) if path.exists() else None
    except RunError:
        known = None
    if known != manifest:
        write_json(path, manifest.model_dump(mode="json"))


def read(folder: Path) -> Manifest:
    """The manifest in `folder`.

    Raises: RunError when there is none, or naming what is wrong with it.
    """
    path = folder / NAME
    hint = "export the network again"
    try:
        return Manifest.model_validate_json(read_bounded(path, JSON_LIMIT))
    except FileError as error:
        raise RunError(error.message, hint) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RunError(f"{path} is no manifest: {one_line(where, 200) + ': ' if where else ''}"
                       f"{one_line(first['msg'], 400)}", hint) from error


def verify_hashes(manifest: Manifest, folder: Path) -> None:
    """Check that every artifact in `folder` is the file that the manifest describes.

    Raises: ExportError naming the file that is missing, was changed or is a link to elsewhere.
    """
    for artifact in manifest.artifacts:
        path = folder / artifact.path
        if not path.is_file():
            raise ExportError(f"the artifact {path} is missing", "export the network again")
        refuse_link(path, folder)
        size = path.stat().st_size
        if size != artifact.bytes:  # told at once, however large it has become
            raise ExportError(f"{path} was changed after its export: it has {size} bytes, and the manifest says "
                              f"{artifact.bytes}", "export the network again")
        if sha256(path) != artifact.sha256:
            raise ExportError(f"{path} was changed after its export: its SHA-256 is not the manifest's",
                              "export the network again")


def refuse_link(path: Path, folder: Path) -> None:
    """Raises: ExportError for a file that is a link, or lies behind one, to a place outside of `folder`: whoever is
    handed the folder must not be made to read, or to give away, another file of theirs."""
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ExportError(f"{path} is a link to a file outside of {folder}", "put the file itself there")
