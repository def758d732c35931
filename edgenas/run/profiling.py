"""`edgenas profile`: measure what a space needs, then say how well its latency is predicted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgenas.cost.latency import latency_model
from edgenas.cost.profiling import missing_blocks, missing_networks, open_profile, profile_space
from edgenas.data import load
from edgenas.errors import UsageError
from edgenas.measure.device import load_device
from edgenas.measure.measurement import STATISTICS
from edgenas.options import parse
from edgenas.progress import Progress
from edgenas.run.request import part, runtime_of
from edgenas.space import load_space


def profile_for(request: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """Profile a device for a space and data given as the command line's options; returns the report."""
    device = load_device(request["device"])
    runtime = runtime_of(device, request["runtime"])
    options = parse(request["assignments"])
    if foreign := [name for name in options if not name.startswith("space.")]:
        raise UsageError(f"a profile has no option {foreign[0]!r}: it takes those of the space",
                         "write for example --set space.width=0.5")
    task = load(request["data"], image_size=request["image_size"], max_images=request["max_images"],
                on_bad_image=request["on_bad_image"], seed=request["seed"])
    space = load_space(request["space"], task.input_shape, len(task.classes), part(options, "space"))
    folder = Path(request["profiles"]) if request["profiles"] else None
    profile = open_profile(device, runtime, threads=request["threads"], folder=folder, renew=request["renew"])
    work = len(missing_blocks(space, profile)) + len(missing_networks(space, profile))
    if work:
        progress.start(f"profile {device.name} {runtime}", work)
        profile_space(space, device, profile, on_done=progress.advance)
    model, error = latency_model(space, profile, STATISTICS[0])
    return {"profile": str(profile.path), "device": device.name, "runtime": runtime,
            "runtime_version": profile.header.runtime_version, "threads": profile.header.threads,
            "machine": profile.header.machine, "space": space.name, "input_shape": list(space.input_shape),
            "blocks": len(profile.blocks), "networks": len(profile.networks), "measured_now": work,
            "reachable": {"latency_ms": list(model.reachable)}, "held_out": asdict(error)}
