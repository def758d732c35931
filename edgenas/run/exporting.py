"""The export phase: files that were shown to compute what PyTorch computes, and the manifest that describes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from edgenas.errors import ExportError, UsageError, unknown
from edgenas.export import exporter, manifest
from edgenas.export.base import Exporter
from edgenas.export.gates import warning
from edgenas.export.tvm_target import CROSS
from edgenas.measure.runtime import load_runtime, precisions_of, runtime_names
from edgenas.measure.session import runtime_format
from edgenas.progress import Progress
from edgenas.qat import QatSettings
from edgenas.run.artifact import describe_file, file_name
from edgenas.run.describing import describe
from edgenas.run.folder import Run
from edgenas.run.proving import HOST, export_fp32
from edgenas.run.quantising import Quantiser


@dataclass(frozen=True)
class Asked:
    """What files are asked for beside their format. max_drop: points of validation accuracy that int8 may lose; qat:
    how it is trained if it loses more."""

    precision: str
    max_drop: float
    qat: QatSettings
    target: str = HOST

    @classmethod
    def of(cls, run: Run) -> Asked:
        """What the run was asked for."""
        return cls(run.config.precision, run.config.max_drop, run.config.qat)


def export_phase(run: Run, formats: Sequence[str], progress: Progress,
                 asked: Asked | None = None) -> manifest.Manifest:
    """Export the trained network in each format, as `asked`, or else as the run was.

    A file must give PyTorch's predictions on validation images; an int8 file may lose some accuracy on them. Files
    that were exported before stay in the manifest.

    Raises: ExportError with the figures when a file computes something else, or loses more.
    """
    asked = asked or Asked.of(run)
    if asked.target not in (HOST, *CROSS):
        raise unknown("target", asked.target, (HOST, *CROSS))
    network = run.network()
    chosen = exporters(formats, asked.precision)
    runtimes = [runtime_for(run, export.format, asked.precision) for export in chosen]
    progress.start("export", len(chosen))
    made = []
    for export, runtime in zip(chosen, runtimes, strict=True):
        made.append(export_one(run, network, export, runtime, asked, progress))
        progress.advance(summary(made[-1]))
        if slow := warning(made[-1].gates):
            progress.say(f"warning: {made[-1].path}: {slow}")
    document = describe(run, [*previous(run, {artifact.path for artifact in made}), *made])
    manifest.write(document, run.artifacts)
    return document


def export_one(run: Run, network: nn.Module, export: Exporter, runtime: str, asked: Asked,
               progress: Progress) -> manifest.Artifact:
    path = run.artifacts / file_name(export, asked.precision, asked.target)
    if asked.precision == "fp32":
        proven = export_fp32(run, network, export, runtime, path, asked.target)
    else:
        quantiser = Quantiser(run, network, asked.max_drop, asked.qat, progress)
        proven = quantiser.export(export, runtime, path, asked.target)
    return describe_file(run, proven, export, path, asked.target)


def summary(artifact: manifest.Artifact) -> str:
    q = artifact.quantisation
    if q is None:
        return f"{artifact.format}: largest difference from PyTorch {artifact.max_abs:.2g}"
    return (f"{artifact.format} int8 by {q.method}: {q.validation_accuracy_int8:.1%} of validation images right, "
            f"{q.drop_points:.2g} points less than fp32")


def exporters(formats: Sequence[str], precision: str = "fp32") -> list[Exporter]:
    """Raises: UsageError naming the nearest format when there is none of a name, or the precisions that it has."""
    found = [exporter(name) for name in dict.fromkeys(formats)]
    for export in found:
        export.check_precision(precision)
    return found


def is_exported(run: Run, formats: Sequence[str]) -> bool:
    """Whether a file of each format is there, of the run's precision, for this machine and as the manifest has it."""
    if not (run.artifacts / manifest.NAME).exists():
        return False
    document = manifest.read(run.artifacts)
    try:
        manifest.verify_hashes(document, run.artifacts)
    except ExportError:
        return False
    return set(formats) <= {a.format for a in document.artifacts
                            if a.target == HOST and a.precision == run.config.precision}


def runtime_for(run: Run, format: str, precision: str = "fp32") -> str:
    """The run's own runtime if it takes such files, else the first of the device's, else any that does.

    Raises: UsageError when nothing runs such files.
    """
    simplest = sorted(runtime_names(), key=lambda name: hasattr(load_runtime(name), "job"))
    for name in (run.config.runtime, *run.device.runtimes, *simplest):
        if runtime_format(name) == format and precision in precisions_of(load_runtime(name)):
            return name
    raise UsageError(f"no runtime runs {format} files in {precision}, so they cannot be proven", "--precision fp32")


def default_formats(run: Run) -> list[str]:
    return [load_runtime(run.config.runtime).FORMAT]


def previous(run: Run, replaced: set[str]) -> list[manifest.Artifact]:
    """Artifacts of the manifest as it is, whose files are still there and are not `replaced`."""
    if not (run.artifacts / manifest.NAME).exists():
        return []
    return [a for a in manifest.read(run.artifacts).artifacts
            if a.path not in replaced and (run.artifacts / a.path).is_file()]
