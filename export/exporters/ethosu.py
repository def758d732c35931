"""Files for Arm's Ethos-U: int8 TFLite that Arm's compiler, vela, turned into commands for the NPU."""

from __future__ import annotations

import hashlib
import importlib.metadata
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgenas.errors import ExportError, UsageError, unknown
from edgenas.export.base import Done, Export, Exporter
from edgenas.export.check.file_coverage import coverage
from edgenas.export.exporters.tflite import EXPORTER as TFLITE
from edgenas.export.extras import import_extra
from edgenas.export.package.contents import Sidecar, operators, sidecar_path, signature
from edgenas.files import out_of_room, replacing, write_json

if TYPE_CHECKING:
    from edgenas.measure.device import Device

RUNTIME = "vela"


class ToEthosu(Exporter):
    """`target` is a device that has the runtime `vela`, by its name or file; its settings are those of the compiler.

    All operators must run on the NPU. `<path>.json` holds the signature, what the file was compiled from and vela's
    estimates of it. It is run by TensorFlow Lite (Micro) with Arm's Ethos-U driver; what it computes is what the int8
    TFLite file computes from which it was compiled.
    """

    format = "ethosu"
    suffix = "_vela.tflite"
    extra = "ethosu"
    precisions = ("int8",)
    channels_last = True
    proof = TFLITE.format
    runtime = RUNTIME

    def check_target(self, target: str) -> None:
        npu(target)

    def export(self, items: Sequence[Export], *, target: str = "host", precision: str = "int8",
               on_done: Done | None = None) -> None:
        self.check_precision(precision)
        import_extra("ethosu.vela", self.extra)
        device = npu(target)
        with tempfile.TemporaryDirectory(prefix="edgenas-") as folder:
            for item in items:
                source = replace(item, path=Path(folder) / item.path.name)
                TFLITE.export([source], precision=precision)
                write(item, source.path, device)
                if on_done:
                    on_done(item)


def npu(target: str) -> Device:
    """The device of that name or file.

    Raises: UsageError for one without an Ethos-U.
    """
    from edgenas.measure.device import device_names, load_device
    known = [name for name in device_names() if RUNTIME in load_device(name).runtimes]
    if target in known or target.endswith(".toml"):
        device = load_device(target)
        if RUNTIME not in device.runtimes:
            raise UsageError(f"the device {device.name!r} has no Ethos-U: its runtimes are "
                             f"{', '.join(device.runtimes)}", f"--target {known[0]}")
        return device
    if target == "host":
        raise UsageError("the format 'ethosu' is compiled for an Ethos-U, and no target is given",
                         f"--target {known[0]}; known: {', '.join(known)}")
    raise unknown("Ethos-U", target, known)


def write(item: Export, source: Path, device: Device) -> None:
    """Compile the int8 TFLite file `source` to the item's path.

    Raises: ExportError with vela's reason, or naming every operator that the NPU cannot run; StorageError where a disk
    takes no more.
    """
    from edgenas.measure.runtimes.run_vela import compiled
    settings = device.settings_of(RUNTIME)
    try:
        found = compiled(str(source), **settings)
    except ValueError as error:
        if full := out_of_room(error):
            raise full from error
        raise ExportError(f"{item.path.name}: {error}", "edgenas devices show " + device.name) from error
    if found.left:
        raise ExportError(f"{item.path.name}: {len(found.left)} of {len(found.layers)} operators cannot run on "
                          f"{settings['accelerator']}: {'; '.join(found.left)}",
                          "replace them, or export --format tflite --precision int8")
    with replacing(item.path) as scratch:
        scratch.write_bytes(found.content)
    inputs, outputs = signature(source)
    made = {"compiler": f"ethos-u-vela {importlib.metadata.version('ethos-u-vela')}",
            "source_sha256": hashlib.sha256(source.read_bytes()).hexdigest(), **settings}
    write_json(sidecar_path(item.path), Sidecar(
        inputs=inputs, outputs=outputs, operators=operators(source), target=device.name, figures=found.figures,
        made=made, coverage=coverage(source)).model_dump(mode="json"))


EXPORTER = ToEthosu()
