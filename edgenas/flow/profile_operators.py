"""`edgenas profile --operators` and `--like`: measure single operators, and networks made up of such.

From the operators networks of any shape are predicted; the networks calibrate their sum.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgenas.cost.kernels.likeness import kernels_like, networks_like, steps_of
from edgenas.cost.kernels.mixes import mixes
from edgenas.cost.kernels.model import KernelModel, kernels_of
from edgenas.cost.kernels.sampling import Kernel, sample
from edgenas.cost.network import Network
from edgenas.cost.onnx.network import read_onnx
from edgenas.cost.profile import Profile, profile_path, writing
from edgenas.cost.profiling import TORCH, Modules, measured, open_profile
from edgenas.errors import UsageError
from edgenas.flow.requests import ProfileRequest
from edgenas.flow.target import runtime_of
from edgenas.measure.device import Device, load_device
from edgenas.measure.measurement import STATISTICS
from edgenas.measure.runtime import precision_for
from edgenas.progress import Progress

EACH = 12
"""Single operators for each whole network that is measured with them."""
LIKE = 40, 14
"""Operators and whole networks that are measured for a file."""


@dataclass(frozen=True)
class Counts:
    """How many single operators and whole networks were measured."""

    operators: int
    networks: int


def profile_operators(device: Device, profile: Profile, count: int, progress: Progress) -> Counts:
    """Measure what the profile lacks of the first `count` kernels of the sample, and of a network for EACH of them.

    Raises: DeviceError or ExportError; what was measured until then is kept.
    """
    with TORCH:
        kernels, networks = list(sample(count)), list(mixes(count // EACH))
    return _measure(device, profile, kernels, networks, progress)


def profile_like(device: Device, profile: Profile, network: Network, progress: Progress) -> Counts:
    """Measure operators of the kinds and about the sizes that a network has, and whole networks of such.

    Raises: as `profile_operators`.
    """
    with TORCH:
        kernels, networks = list(kernels_like(network, LIKE[0])), networks_like(network, LIKE[1])
    return _measure(device, profile, kernels, networks, progress)


def profile_file(path: Path, device: Device, request: ProfileRequest, progress: Progress) -> dict[str, Any]:
    """Measure for a device's profile what predicts the ONNX network in `path` and its like; returns the report.

    Raises: UsageError for a file that cannot be read, none of whose operators is known, or for mixed precision;
    DeviceError or ExportError, where what was measured until then is kept.
    """
    runtime = runtime_of(device, request.runtime)
    precision = precision_for(runtime, request.precision)
    if precision == "mixed":
        raise UsageError("--like does not go with --precision mixed: single operators are of one precision",
                         "profile fp32 and int8 apart")
    network = read_onnx(path).network
    if not steps_of(network):
        raise UsageError(f"{path} has no operator that edgenas profiles", "measure the file itself: edgenas.measure")
    folder = Path(request.profiles) if request.profiles else None
    place = profile_path(device.name, runtime, request.threads or device.threads, precision, folder)
    with writing(place, progress.say):
        profile = open_profile(device, runtime, threads=request.threads, folder=folder, renew=request.renew,
                               precision=request.precision)
        counts = profile_like(device, profile, network, progress)
    model = KernelModel.fit(profile, STATISTICS[0])
    return {"file": str(path), "profile": str(profile.path), "device": device.name, "runtime": runtime,
            "precision": precision, "operators": len(kernels_of(profile)), "networks": len(profile.networks),
            "measured_now": asdict(counts), "held_out": asdict(model.held_out) if model.held_out else None,
            "interval": asdict(model.interval) if model.interval else None}


def _measure(device: Device, profile: Profile, kernels: Iterable[Kernel], networks: Iterable[Kernel],
             progress: Progress) -> Counts:
    blocks = {kernel.network.signature: kernel for kernel in kernels}
    wholes = {kernel.network.signature: kernel for kernel in networks}
    lacking = {key: kernel for key, kernel in blocks.items() if key not in profile.blocks}
    due = {key: kernel for key, kernel in wholes.items() if key not in profile.networks}
    total = len(blocks) + len(wholes)
    progress.start(f"operators on {device.name}", total, total - len(lacking) - len(due))
    for signature, measurement in measured(_modules(lacking), device, profile, say=progress.say):
        profile.add_block(signature, measurement, lacking[signature].network)
        progress.advance(signature.partition(": ")[2])
    for signature, measurement in measured(_modules(due), device, profile, say=progress.say):
        profile.add_network(signature, (signature,), measurement, due[signature].network)
        progress.advance(f"a network of {len(due[signature].network.operators)} operators")
    return Counts(len(lacking), len(due))


def one_of(names: Sequence[str]) -> Device:
    """The device of that name. Raises: UsageError for several."""
    if len(names) > 1:
        raise UsageError(f"--like takes one device; given are {', '.join(names)}", "run it once for each device")
    return load_device(names[0])


def _modules(kernels: dict[str, Kernel]) -> Modules:
    return {key: (kernel.module, kernel.input_shape) for key, kernel in kernels.items()}
