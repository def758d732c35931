"""`edgenas profile --operators`: measure single operators, from which networks of any shape are predicted."""

from __future__ import annotations

from edgenas.cost.kernels.sampling import sample
from edgenas.cost.profile import Profile
from edgenas.cost.profiling import measured
from edgenas.measure.device import Device
from edgenas.progress import Progress


def profile_operators(device: Device, profile: Profile, count: int, progress: Progress) -> int:
    """Measure the first `count` kernels of the sample that the profile lacks; returns how many those were.

    Raises: DeviceError or ExportError; what was measured until then is kept.
    """
    kernels = {kernel.network.signature: kernel for kernel in sample(count)}
    lacking = {key: (kernel.module, kernel.input_shape) for key, kernel in kernels.items() if key not in profile.blocks}
    progress.start(f"operators on {device.name}", len(kernels), len(kernels) - len(lacking))
    for signature, measurement in measured(lacking, device, profile):
        profile.add_block(signature, measurement, kernels[signature].network)
        progress.advance(signature.partition(": ")[2])
    return len(lacking)
