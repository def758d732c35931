"""The uncut network of one run, taken over by another of the same network, data and recipe: it is not taught twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors.torch import save

from edgenas.errors import RunError, UsageError
from edgenas.files import replacing
from edgenas.flow.config import RunConfig
from edgenas.flow.own_network import IMPORTANCE, UNCUT
from edgenas.flow.records import Uncut
from edgenas.train.weights import read_tensors

if TYPE_CHECKING:
    from edgenas.flow.run import Run

TAUGHT = ("origin", "starter", "parameters", "head", "history", "accuracy", "probe")
"""Of own.json: what is said of the uncut network itself."""
SCORED = ("rises", "fixed", "kept")
"""Of own.json: what follows from its importance, and from what the user keeps."""
RECIPE = ("network_sha256", "new_head", "data_fingerprint", "image_size", "max_images", "on_bad_image", "seed", "mean",
          "std", "teach_epochs")
OF_TRAINING = ("batch_size", "lr", "weight_decay", "label_smoothing", "optimizer", "warmup", "cutout")
HINT = "leave out --teacher, or give these options as that run had them"


def teacher_config(folder: Path, config: RunConfig) -> RunConfig:
    """The configuration of the run in `folder`, whose uncut network `config` would come to as well.

    Raises: UsageError naming what differs, or for a run that has not come to it yet; RunError where there is no run.
    """
    known = RunConfig.read(folder / "run.json")
    if not known.origin:
        raise UsageError(f"--teacher {folder} is no run of a network of your own: it has no --from", HINT)
    for name, theirs, ours in differences(known, config):
        raise UsageError(f"--teacher {folder} is of another network, other data or another recipe: its {name} is "
                         f"{theirs}, not {ours}", HINT)
    if not (folder / Uncut.FILE).exists():
        raise UsageError(f"the run in --teacher {folder} has no taught network yet", f"edgenas run … --out {folder} "
                         "--resume finishes it")
    return known


def differences(one: RunConfig, other: RunConfig) -> Iterator[tuple[str, Any, Any]]:
    """Of what the uncut network follows from: name, and what each has."""
    pairs = [(name, getattr(one, name), getattr(other, name)) for name in RECIPE]
    if one.teach_epochs:
        pairs += [(f"train.{name}", getattr(one.train, name), getattr(other.train, name)) for name in OF_TRAINING]
        pairs.append(("training_precision", one.training_precision, other.training_precision))
    yield from (pair for pair in pairs if pair[1] != pair[2])


def taken_over(run: Run, source: Run) -> tuple[dict[str, object], float]:
    """Take the weights of `source`'s uncut network into `run`'s folder, and its importance where the same modules are
    kept; returns what own.json can say of them, and the validation accuracy.

    Raises: CheckpointError or RunError when they are damaged or gone.
    """
    record = Uncut.read(source.folder)
    if record is None:
        raise RunError(f"there is no {Uncut.FILE} in {source.folder}", HINT)
    names: tuple[str, ...] = TAUGHT
    if source.config.keep == run.config.keep and source.weights(IMPORTANCE).exists():
        copied(run, source, IMPORTANCE)
        names += SCORED
    copied(run, source, UNCUT)
    said = {name: getattr(record, name) for name in names if name in record.model_fields_set}
    return said | {"teacher": str(source.folder)}, record.accuracy.validation


def copied(run: Run, source: Run, name: str) -> None:
    tensors = read_tensors(source.weights(name), HINT)
    with replacing(run.weights(name)) as scratch:
        scratch.write_bytes(save(tensors))
