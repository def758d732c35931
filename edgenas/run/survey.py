"""What the spaces can reach on a device."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from edgenas.cost.figures import figure_model
from edgenas.cost.latency import latency_model
from edgenas.cost.metrics import METRICS
from edgenas.cost.model import exact_model
from edgenas.cost.profile import Profile, profile_path
from edgenas.cost.reference import PUBLISHED, sum_model
from edgenas.errors import ProfileError, UsageError
from edgenas.measure.device import load_device
from edgenas.measure.measurement import STATISTICS
from edgenas.measure.runtime import precision_for, told_by
from edgenas.run.request import is_known, runtime_of
from edgenas.space import Space, load_space, space_names
from edgenas.space.load import summary


def survey(input_shape: str, classes: int, device: str, runtime: str | None, threads: int | None,
           profiles: str | None, precision: str | None = None) -> list[dict[str, Any]]:
    """Every space with its size and, per metric, its smallest and largest cost; None where nothing was profiled."""
    target = load_device(device)
    runtime = runtime_of(target, runtime)
    precision = precision_for(runtime, precision)
    path = profile_path(target.name, runtime, threads or target.threads, precision,
                        Path(profiles) if profiles else None)
    shape = parse_shape(input_shape)
    found = []
    for name in space_names():
        space = load_space(name, shape, classes)
        found.append({"name": name, "summary": summary(name), "size": space.size,
                      "reachable": {metric: reachable(space, metric, path, runtime, precision)
                                    for metric in METRICS if is_known(metric, runtime)}})
    return found


def reachable(space: Space, metric: str, path: Path, runtime: str, precision: str) -> list[float] | None:
    told = told_by(runtime, metric)
    if metric != "latency_ms" and not told:
        return list(exact_model(space, metric, precision).reachable)
    if not path.exists():
        return None
    profile = Profile.load(path)
    try:
        if told:
            return list(figure_model(space, profile, metric, told).reachable)
        if profile.header.provenance == PUBLISHED:
            return list(sum_model(space, profile, STATISTICS[0]).reachable)
        return list(latency_model(space, profile, STATISTICS[0])[0].reachable)
    except ProfileError:
        return None


def parse_shape(text: str) -> tuple[int, int, int]:
    """`3x32x32` -> (3, 32, 32).

    Raises: UsageError for any other form, or a side below 4 pixels.
    """
    match = re.fullmatch(r"(\d+)x(\d+)x(\d+)", text)
    if not match or int(match[1]) < 1 or min(int(match[2]), int(match[3])) < 4:
        raise UsageError(f"{text!r} is no image shape", "write channels x height x width, e.g. 3x32x32")
    return int(match[1]), int(match[2]), int(match[3])
