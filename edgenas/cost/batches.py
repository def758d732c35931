"""Export modules in batches and measure the files on a device."""

from __future__ import annotations

import contextlib
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from edgenas.cost.operators import example_input
from edgenas.cost.profile import Profile
from edgenas.cost.published import Published
from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.measure import measure as measuring
from edgenas.measure.conditions import Conditions
from edgenas.measure.device import Device
from edgenas.measure.job import Artifact
from edgenas.measure.measurement import STATISTICS, Measurement
from edgenas.measure.session import runtime_format
from edgenas.space.parts import Shape

CHUNK = 24  # modules exported as one program: cheaper by the module, and an interrupted one costs little
Say = Callable[[str], None]
Modules = Mapping[str, tuple[nn.Module, Shape]]

TORCH = threading.RLock()
"""Tracing and exporting change PyTorch as a whole while they last: one thread at a time."""


@contextlib.contextmanager
def same_weights() -> Iterator[None]:
    """Fresh weights are the same ones every time: a compiler that packs them would find each another size."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@dataclass
class Spent:
    """Seconds that went into exporting, and into transferring and measuring; how many modules that were."""

    export: float = 0.0
    measure: float = 0.0
    modules: int = 0


def measured(modules: Modules, device: Device, profile: Profile, *, spent: Spent | None = None,
             on_header: Callable[[Conditions], None] = lambda conditions: None,
             say: Say = lambda text: None) -> Iterator[tuple[str, Measurement]]:
    """Export modules and measure the files on `device`; yields (name, measurement) as each is made."""
    spent = spent or Spent()
    names = list(modules)
    for start in range(0, len(names), CHUNK + 1):
        chunk = names[start:start + CHUNK + 1]
        with tempfile.TemporaryDirectory(prefix="edgenas-") as folder:
            began = time.monotonic()
            artifacts = exported([modules[name] for name in chunk], device, profile, Path(folder))
            spent.export += time.monotonic() - began
            began = time.monotonic()
            for result in measuring.measure(device, profile.header.runtime, artifacts, threads=profile.header.threads,
                                            on_trouble=say, on_header=on_header):
                spent.measure += time.monotonic() - began
                spent.modules += 1
                yield chunk[int(result.id)], result
                began = time.monotonic()


def exported(modules: Sequence[tuple[nn.Module, Shape]], device: Device, profile: Profile,
              folder: Path) -> list[Artifact]:
    """The modules' files for the profile's runtime, in order, with their place in it as id."""
    from edgenas.export.quantised import random_calibration
    export, precision = exporter(runtime_format(profile.header.runtime)), profile.header.precision
    files = [folder / f"{i}{export.suffix}" for i in range(len(modules))]
    inputs = [example_input(shape, torch.Generator().manual_seed(0)) for _, shape in modules]
    with TORCH:
        export.export([Export(module, x, file, None if precision == "fp32" else random_calibration(x))
                       for (module, _), x, file in zip(modules, inputs, files, strict=True)],
                      target=device.target, precision=precision)
    return [Artifact(str(i), file) for i, file in enumerate(files)]


def time_of(measurement: Measurement | Published) -> float:
    return measurement.latency_ms(STATISTICS[0])


def change(now: Measurement, before: Measurement | Published) -> float:
    """Relative: 0.1 is 10% slower."""
    return time_of(now) / time_of(before) - 1
