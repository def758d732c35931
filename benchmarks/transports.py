"""The same blocks of one space, measured through each device's transport: complete, and computing the same?

Outputs are compared with onnxruntime's on this machine. With --kill-after N the connection (every program that
this process has started) is killed once, when N blocks of a device have been measured: none may be lost or come twice.

    python benchmarks/transports.py --device host --device ./board.toml --kill-after 10
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from torch import nn

from edgenas.cost.model import networks
from edgenas.errors import EdgenasError
from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.measure import worker
from edgenas.measure.device import Device, load_device
from edgenas.measure.job import PYTHON, Artifact, Job
from edgenas.measure.measure import measure
from edgenas.measure.runtime import load_runtime
from edgenas.measure.transport import open_transport
from edgenas.space.choice import Choice
from edgenas.space.load import load_space
from edgenas.space.parts import Shape
from edgenas.space.space import Space

LARGEST = 1e-4
TIMEOUT_S = 300.0
ELF = b"\x7fELF"
PROGRAMS = 'for program; do chmod 700 "$program"; "./$program" <"$program.input" || exit; done'


@dataclass
class Row:
    """What one device gave. seconds: of measuring; exporting and comparing come beside it."""

    device: str
    transport: str
    runtime: str
    architecture: str
    blocks: int
    measured: int
    complete: bool
    seconds: float
    seconds_per_block: float
    broken: int
    largest_difference: float
    agrees: bool


def distinct(space: Space, count: int) -> list[tuple[nn.Module, Shape]]:
    """The first `count` blocks that differ in what they execute, and their input's shape."""
    supernet, shapes = space.supernet().eval(), {(part.place, part.candidate): part.input_shape for part in space.parts}
    keys = {network.signature: key for key, network in networks(space).items() if network is not None}
    found = []
    for place, candidate in list(keys.values())[:count]:
        module = supernet.get_submodule(place)
        found.append((module.candidates[candidate] if isinstance(module, Choice) and candidate else module,
                      shapes[place, candidate]))
    return found


def exported(blocks: Sequence[tuple[nn.Module, Shape]], format: str, target: str, folder: Path) -> list[Path]:
    """The files, each with its input (see device_outputs.py) beside it."""
    export = exporter(format)
    folder.mkdir()
    files = [folder / f"{index}{export.suffix}" for index in range(len(blocks))]
    inputs = [np.random.default_rng(0).standard_normal((1, *shape)).astype("<f4") for _, shape in blocks]
    export.export([Export(module, torch.from_numpy(given), file)
                   for (module, _), given, file in zip(blocks, inputs, files, strict=True)], target=target)
    for given, file in zip(inputs, files, strict=True):
        file.with_name(f"{file.name}.input").write_bytes(given.tobytes())
    return files


def computed(device: Device, runtime: str, files: Sequence[Path]) -> list[list[float]]:
    """Of each file, on the device: by running it, where the runtime's files are programs, or by the runtime."""
    names = {f"{index}/{file.name}": file for index, file in enumerate(files)}
    given = {f"{name}.input": file.with_name(f"{file.name}.input") for name, file in names.items()}
    beside = {f"{name}.json": side for name, file in names.items()
              if (side := file.with_name(f"{file.name}.json")).exists()}
    known = load_runtime(runtime)
    if not known.needs_python and files[0].read_bytes()[:4] == ELF:
        job = Job(names | given, ("sh", "-c", PROGRAMS, "sh", *names))
    else:
        runner, script = known.file, Path(__file__).with_name("device_outputs.py")
        own = {"worker.py": Path(worker.__file__), runner.name: runner, script.name: script}
        job = Job(own | names | given | beside, (PYTHON, script.name, runner.name, *names))
    with contextlib.closing(open_transport(device).stream(job, TIMEOUT_S)) as lines:
        return [json.loads(line)["logits"] for line in lines]


@dataclass
class Batch:
    """What measuring gave: ids as they came, why the connection broke each time."""

    ids: list[str]
    broken: list[str]
    architecture: str
    seconds: float


def measured(device: Device, runtime: str, files: Sequence[Path], kill_after: int) -> Batch:
    broken: list[str] = []
    machines: list[dict[str, Any]] = []
    ids: list[str] = []
    start = time.perf_counter()
    for found in measure(device, runtime, [Artifact(str(index), file) for index, file in enumerate(files)],
                         on_trouble=broken.append, on_header=lambda header: machines.append(header.machine)):
        ids.append(found.id)
        if len(ids) == kill_after and device.transport != "local":
            kill_children()
    return Batch(ids, broken, str(machines[0]["architecture"]), time.perf_counter() - start)


def kill_children() -> None:
    for thread in Path("/proc/self/task").iterdir():
        for pid in (thread / "children").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)


def row(device: Device, files: Sequence[Path], reference: Sequence[Sequence[float]], kill_after: int) -> Row:
    runtime = device.runtimes[0]
    batch = measured(device, runtime, files, kill_after)
    difference = max(float(np.abs(np.subtract(here, there)).max())
                     for here, there in zip(reference, computed(device, runtime, files), strict=True))
    return Row(device.name, device.transport, runtime, batch.architecture, len(files), len(batch.ids),
               batch.ids == [str(index) for index in range(len(files))], batch.seconds, batch.seconds / len(files),
               len(batch.broken), difference, difference <= LARGEST)


@click.command()
@click.option("--device", "devices", multiple=True, default=("host",), help="Name or TOML file; its first runtime.")
@click.option("--space", default="mobile", show_default=True)
@click.option("--blocks", default=30, show_default=True)
@click.option("--kill-after", default=0, help="Kill the connection once, after this many blocks.")
@click.option("--json", "as_json", is_flag=True)
def main(devices: Sequence[str], space: str, blocks: int, kill_after: int, as_json: bool) -> None:
    torch.manual_seed(0)
    parts = distinct(load_space(space, (3, 32, 32), 10), blocks)
    failed = False
    with tempfile.TemporaryDirectory(prefix="edgenas-") as folder:
        here = exported(parts, "onnx", "host", Path(folder, "reference"))
        reference = computed(load_device("host"), "onnxruntime", here)
        for number, name in enumerate(devices):
            try:
                device = load_device(name)
                format = load_runtime(device.runtimes[0]).format
                files = exported(parts, format, device.target, Path(folder, str(number)))
                found = row(device, files, reference, kill_after)
            except EdgenasError as error:
                failed = True
                print(f"{name}: {error.message}; {error.hint}", file=sys.stderr)
                continue
            failed |= not (found.complete and found.agrees)
            print(json.dumps(asdict(found)) if as_json else text(found), flush=True)
    sys.exit(int(failed))


def text(row: Row) -> str:
    return (f"{row.device} ({row.transport}, {row.runtime}, {row.architecture}): {row.measured} of {row.blocks} blocks"
            f"{'' if row.complete else ' NOT EACH ONCE'}, {row.seconds:.1f} s, {row.seconds_per_block:.2f} s a block, "
            f"connection broken {row.broken} times, largest difference {row.largest_difference:.1e}"
            f"{'' if row.agrees else ' TOO LARGE'}")


if __name__ == "__main__":
    main()
