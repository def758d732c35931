"""The export phase: files that were shown to compute what PyTorch computes, and the manifest that describes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

from edgenas.errors import ExportError, UsageError
from edgenas.export import exporter
from edgenas.export.base import Exporter
from edgenas.export.check.doubts import doubts
from edgenas.export.check.session import runtime_format
from edgenas.export.package import manifest
from edgenas.export.package.labelled import labelled
from edgenas.flow.artifact import describe_file, file_name, target_name
from edgenas.flow.manifest import about, describe
from edgenas.flow.parity import HOST, export_fp32
from edgenas.flow.product import Product
from edgenas.flow.quantise import Quantiser
from edgenas.flow.run import Run
from edgenas.flow.tuning import Tune, check_made, tuned
from edgenas.measure.device import load_device
from edgenas.measure.runtime import Precision, load_runtime, precisions_of, runtime_names
from edgenas.progress import Progress
from edgenas.train.settings import QatSettings


@dataclass(frozen=True)
class Asked:
    """What files are asked for beside their format. precision: by default the run's, or what the format has. max_drop:
    points of validation accuracy that int8 may lose; qat: how it is trained if it loses more. tune: files that can be
    tuned are."""

    precision: Precision | None
    max_drop: float
    qat: QatSettings
    target: str = HOST
    tune: Tune | None = None

    @classmethod
    def of(cls, run: Run) -> Asked:
        """What the run was asked for."""
        return cls(None, run.config.max_drop, run.config.qat)


def export_phase(product: Product, formats: Sequence[str], progress: Progress,
                 asked: Asked | None = None) -> manifest.Manifest:
    """Export the trained network in each format, as `asked`, or else as the run was.

    A file must give PyTorch's predictions on validation images; an int8 file may lose some accuracy on them. Files
    that were exported before stay in the manifest.

    Raises: ExportError with the figures when a file computes something else, or loses more.
    """
    run = product.run
    asked = asked or Asked.of(run)
    said = about(run, product.task, product.architecture, product.weights)
    chosen = [labelled(tuned(export, asked.tune, run.config.threads, progress), said)
              for export in exporters(formats, asked.precision)]
    precisions = [precision_of(run, export, asked.precision) for export in chosen]
    targets = [target_of(run, export, asked) for export in chosen]
    check_made(asked.tune, chosen, targets, precisions)
    runtimes = [runtime_for(run, export.proof or export.format, precision)
                for export, precision in zip(chosen, precisions, strict=True)]
    progress.start("export", len(chosen))
    made = []
    for export, runtime, precision, target in zip(chosen, runtimes, precisions, targets, strict=True):
        own = replace(asked, precision=precision, target=target)
        made.append(export_one(product, export, runtime, own, progress))
        progress.advance(summary(made[-1]))
        for text in doubts(made[-1]):
            progress.say(f"warning: {made[-1].path}: {text}")
        if (reads := made[-1].reads) and reads.warning:
            progress.say(f"warning: {made[-1].path}: {reads.warning}")
    document = describe(product, list(({a.path: a for a in previous(run)} | {a.path: a for a in made}).values()))
    manifest.write(document, run.artifacts)
    return document


def export_one(product: Product, export: Exporter, runtime: str, asked: Asked,
               progress: Progress) -> manifest.Artifact:
    assert asked.precision is not None
    path = product.run.artifacts / file_name(export, asked.precision, asked.target)
    if asked.precision == "fp32":
        proven = export_fp32(product, export, runtime, path, asked.target)
    else:
        check_marked(product.run, asked.precision)
        quantiser = Quantiser(product, asked.max_drop, asked.qat, progress, asked.precision)
        proven = quantiser.export(export, runtime, path, asked.target)
    return describe_file(product, proven, export, path, asked.target, asked.precision)


def check_marked(run: Run, precision: str) -> None:
    """Raises: UsageError for a file of mixed precision of a network that was not searched as such."""
    if precision == "mixed" and run.config.precision != "mixed":
        raise UsageError(f"the network in {run.folder} was searched in {run.config.precision}: none of its blocks says "
                         "in which precision it is", "--precision int8, or a new run: edgenas run --precision mixed")


def summary(artifact: manifest.Artifact) -> str:
    q, tuning = artifact.quantisation, f"; {artifact.tuned}" if artifact.tuned else ""
    if q is None:
        return f"{artifact.format}: largest difference from PyTorch {artifact.max_abs:.2g}{tuning}"
    change = f"{abs(q.drop_points):.2g} points {'more' if q.drop_points < 0 else 'less'}"
    return (f"{artifact.format} {artifact.precision} by {q.method}: {q.validation_accuracy_int8:.1%} of validation "
            f"images right, {change} than fp32{tuning}")


def exporters(formats: Sequence[str], precision: str | None = None) -> list[Exporter]:
    """Raises: UsageError naming the nearest format when there is none of a name, or the precisions that it has."""
    found = list(dict.fromkeys(exporter(name) for name in formats))
    for export in found:
        export.check_precision(precision or export.precisions[0])
    return found


def precision_of(run: Run, export: Exporter, wanted: Precision | None = None) -> Precision:
    """The one wanted, or else the run's own if the format has it."""
    known = run.config.precision if run.config.precision in export.precisions else export.precisions[0]
    return wanted or cast(Precision, known)


def target_of(run: Run, export: Exporter, asked: Asked) -> str:
    """The target asked for; else the run's device, for files that are compiled for such a device.

    Raises: UsageError for a target that the format does not have.
    """
    own = asked.target == HOST and export.runtime and export.runtime == run.config.runtime
    target = run.config.device if own else asked.target
    export.check_target(target)
    return target


def is_exported(run: Run, formats: Sequence[str]) -> bool:
    """Whether a file of each format is there, of the run's precision if the format has it, for this machine or the
    run's device, and as the manifest has it.
    """
    if not (run.artifacts / manifest.NAME).exists():
        return False
    document = manifest.read(run.artifacts)
    try:
        manifest.verify_hashes(document, run.artifacts)
    except ExportError:
        return False
    there = {(a.format, a.precision, a.target) for a in document.artifacts}
    return all((export.format, precision_of(run, export), target_name(target_of(run, export, Asked.of(run)))) in there
               for export in exporters(formats))


def runtime_for(run: Run, format: str, precision: str = "fp32") -> str:
    """The run's own runtime if it takes such files, else the first of the device's, else any that does.

    Raises: UsageError when nothing runs such files.
    """
    return runtime_that_runs(format, precision, (run.config.runtime, *load_device(run.config.device).runtimes))


def runtime_that_runs(format: str, precision: str, first: Sequence[str] = ()) -> str:
    """Of the runtimes that take such files one of `first`, in their order, or else the simplest.

    Raises: UsageError when nothing runs such files.
    """
    simplest = sorted(runtime_names(), key=lambda name: hasattr(load_runtime(name), "job"))
    for name in (*first, *simplest):
        if runtime_format(name) == format and precision in precisions_of(load_runtime(name)):
            return name
    raise UsageError(f"no runtime runs {format} files in {precision}, so they cannot be proven", "--precision fp32")


def default_formats(run: Run) -> list[str]:
    """What the run's runtime takes, and what is deployed, where that is another format."""
    runtime = load_runtime(run.config.runtime)
    return [runtime.FORMAT, *([runtime.DEPLOYED] if hasattr(runtime, "DEPLOYED") else [])]


def previous(run: Run) -> list[manifest.Artifact]:
    """Artifacts of the manifest as it is, whose files are still there."""
    if not (run.artifacts / manifest.NAME).exists():
        return []
    return [a for a in manifest.read(run.artifacts).artifacts if (run.artifacts / a.path).is_file()]
