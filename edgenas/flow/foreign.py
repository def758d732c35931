"""A user's own network through the same exporters, gates and measurements as one that edgenas found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgenas.data import Task, load
from edgenas.errors import ExportError, RunError, UsageError
from edgenas.export.check.doubts import doubts
from edgenas.export.package import manifest
from edgenas.files import read_json, write_json
from edgenas.flow.config import RunConfig
from edgenas.flow.export import Asked, export_phase, exporters
from edgenas.flow.foreign_network import build, check_fits, fingerprint, normalised
from edgenas.flow.parity import HOST
from edgenas.flow.product import Product
from edgenas.flow.records import VerifiedArtifact, VerifiedFiles
from edgenas.flow.records.documents import ForeignExport
from edgenas.flow.run import Run
from edgenas.flow.starters import completed
from edgenas.flow.target import Target, runtime_of
from edgenas.flow.verify import check
from edgenas.measure.device import load_device
from edgenas.progress import Progress
from edgenas.space import Architecture
from edgenas.text import one_line

RECORD = "network.json"
NAMED = 3  # images in a message


def open_foreign(request: Mapping[str, Any], command: Sequence[str] = ()) -> Product:
    """What `edgenas export --from` was asked for: `from`, `weights`, `data`, `out` and the other options by name.

    Raises: UsageError or DataError naming what cannot be used; RunError for a folder that holds something else.
    """
    for name, example in (("data", "--data ./photos"), ("out", "--out exported")):
        if not request[name]:
            raise UsageError(f"--from needs --{name}", example)
    device = load_device(request["device"])
    request = {**request, **completed(request["from"], request)}
    network = build(request["from"], request["weights"], request["image_size"])
    task = task_of(request)
    check_fits(network, task, request["from"])
    config = RunConfig(
        command=tuple(command), data=request["data"], data_fingerprint=task.fingerprint,
        image_size=request["image_size"], max_images=request["max_images"], seed=task.seed,
        on_bad_image=request["on_bad_image"] or "error", device=request["device"],
        runtime=runtime_of(device, None), threads=device.threads, space=request["from"], budgets=())
    folder = Path(request["out"])
    _claim(folder, {"from": request["from"], "network_sha256": fingerprint(network),
                    "data_fingerprint": task.fingerprint, "mean": list(task.mean), "std": list(task.std)})
    return Product(Run(folder, config), task, Target.at(config), network, Architecture({}), request["weights"])


def task_of(request: Mapping[str, Any]) -> Task:
    """The data, normalised as the network was trained: by its own statistics, or by the given ones.

    Raises: DataError or UsageError.
    """
    return normalised(loaded(request), request)


def loaded(request: Mapping[str, Any]) -> Task:
    return load(request["data"], image_size=request["image_size"], max_images=request["max_images"],
                on_bad_image=request["on_bad_image"] or "error", seed=request["seed"] or 0)


def _claim(folder: Path, record: dict[str, Any]) -> None:
    """Raises: RunError when `folder` holds anything but exports of this very network, or its record is damaged."""
    known = read_json(folder / RECORD)
    if not isinstance(known, dict):
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise RunError(f"{folder} exists and holds no export of a network of yours", "choose another --out")
        write_json(folder / RECORD, record)
        return
    for name, value in record.items():
        if known.get(name) != value:
            raise RunError(f"{folder} holds the export of another network: its {name} is {known.get(name)}, not "
                           f"{value}", "choose another --out, or delete that folder")


def export_foreign(product: Product, formats: Sequence[str], progress: Progress, asked: Asked) -> ForeignExport:
    """Export, prove, measure: each format by itself, so that one that cannot hold the network keeps no other back.

    Raises: UsageError for an unknown format; ExportError when no format can hold it.
    """
    if lost := product.task.skipped:
        progress.say(f"warning: {len(lost)} images could not be read and are left out: "
                     f"{one_line(', '.join(lost[:NAMED]))}{', …' * (len(lost) > NAMED)}")
    chosen = [export.format for export in exporters(formats, asked.precision)]
    refused: dict[str, str] = {}
    for format in chosen:
        try:
            document = export_phase(product, [format], progress, asked)
        except ExportError as error:
            if len(chosen) == 1:
                raise
            refused[format] = error.message
    if len(refused) == len(chosen):
        raise ExportError(f"no format can hold {product.run.config.space}: {'; '.join(refused.values())}",
                          "replace what they name")
    made = [a for a in document.artifacts if a.target == HOST and a.format in set(chosen) - set(refused)
            and asked.precision in (None, a.precision)]
    return ForeignExport(out=str(product.run.folder), refused=refused, verified=verified(product, made, progress),
                         warnings={a.path: tuple(said) for a in made if (said := doubts(a))}, manifest=document)


def verified(product: Product, artifacts: Sequence[manifest.Artifact],
             progress: Progress) -> tuple[VerifiedArtifact, ...]:
    """Each file on the whole test set, beside PyTorch, and its latency; see verify.check()."""
    expected = product.expected()
    right = float((expected.argmax(1) == product.task.test.labels).float().mean())
    progress.start("verify", len(artifacts))
    rows = []
    for artifact in artifacts:
        rows.append(check(product, artifact, expected).replaced(test_accuracy_pytorch=right))
        progress.advance(f"{artifact.format} {artifact.precision}")
    VerifiedFiles(artifacts=tuple(rows)).write(product.run.folder)
    return tuple(rows)
