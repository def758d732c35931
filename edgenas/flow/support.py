"""Which candidates of a space a device cannot run, where that is known without measuring anything."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from edgenas.cost.model import networks
from edgenas.cost.network import example_input
from edgenas.cost.profiling import block_modules
from edgenas.errors import ExportError, UsageError, missing_extra
from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.quantise.quantised import random_calibration
from edgenas.measure.device import Device
from edgenas.measure.runtime import load_runtime
from edgenas.space import Space
from edgenas.space.narrowing import narrowed

Unsupported = dict[str, dict[str, str]]
"""Choice -> candidate -> why it cannot run."""
SHOWN = 3


def refusal_of(runtime: str) -> Callable[..., str] | None:
    """What tells, of a file, why the runtime cannot run it; None if only measuring does."""
    return load_runtime(runtime).refusal


def unsupported(space: Space, device: Device, runtime: str, precision: str) -> Unsupported:
    """The candidates that the device cannot run, as its compiler says; none where only measuring would tell.

    Every distinct block is exported, with fresh weights, and asked about.

    Raises: UsageError for a part of every network that cannot run, a choice without a candidate that can, or a runtime
    that is not installed.
    """
    if refusal_of(runtime) is None:
        return {}
    _check_installed(runtime)
    reasons = _reasons(space, device, runtime, precision)
    found: Unsupported = {}
    for part in space.parts:
        network = networks(space)[part.place, part.candidate]
        reason = reasons[network.signature] if network else ""
        if reason and (part.choice is None or part.candidate is None):
            raise UsageError(f"{device.name} cannot run {part.place!r}, which every network of space {space.name!r} "
                             f"has: {reason}", "choose another --space, or another --device")
        if reason and part.choice and part.candidate:
            found.setdefault(part.choice, {})[part.candidate] = reason
    for choice, dropped in found.items():
        if len(dropped) == len(space.choices[choice]):
            raise UsageError(f"{device.name} can run no candidate of {choice!r}: {next(iter(dropped.values()))}",
                             "choose another --space, or another --device")
    return found


def supported(space: Space, device: Device, runtime: str, precision: str) -> tuple[Space, Unsupported]:
    """The space without what the device cannot run, and what that is; errors as for `unsupported`."""
    dropped = unsupported(space, device, runtime, precision)
    return narrowed(space, dropped), dropped


def describe_dropped(dropped: Mapping[str, Mapping[str, str]], device: str) -> str:
    """What is left out of a space, for the user."""
    each = [f"{choice} {name}: {reason}" for choice, row in dropped.items() for name, reason in row.items()]
    more = f"; and {len(each) - SHOWN} more, see edgenas spaces show" if len(each) > SHOWN else ""
    return (f"left out of the space: {len(each)} candidate{'s'[:len(each) > 1]} that {device} cannot run: "
            f"{'; '.join(each[:SHOWN])}{more}")


def _reasons(space: Space, device: Device, runtime: str, precision: str) -> dict[str, str]:
    """By signature of a block; empty for those that run."""
    refusal, settings = refusal_of(runtime), device.settings_of(runtime)
    assert refusal is not None
    found = {}
    with tempfile.TemporaryDirectory(prefix="edgenas-") as folder:
        for signature, (module, shape) in block_modules(space).items():
            path = Path(folder) / f"block{exporter(load_runtime(runtime).format).suffix}"
            found[signature] = (_written(module, shape, path, runtime, precision)
                                or refusal(str(path), **settings))
    return found


def _written(module: nn.Module, shape: tuple[int, ...], path: Path, runtime: str, precision: str) -> str:
    """Why the block cannot be exported, or nothing and its file is there."""
    example: Any = example_input(shape)
    calibration = None if precision == "fp32" else random_calibration(example)
    try:
        exporter(load_runtime(runtime).format).export([Export(module, example, path, calibration)],
                                                      precision=precision)
    except ExportError as error:
        return error.message.removeprefix(f"{path.name}: ")
    return ""


def _check_installed(runtime: str) -> None:
    found = load_runtime(runtime)
    try:
        found.version()
    except ModuleNotFoundError as error:
        raise missing_extra(error.name or runtime, found.extra) from error
