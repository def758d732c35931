"""What the spaces can reach on a device."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgenas.cost.exact import exact_model
from edgenas.cost.figures import figure_model
from edgenas.cost.latency import latency_model
from edgenas.cost.metrics import METRICS
from edgenas.cost.profile import Profile, profile_path
from edgenas.cost.reference import sum_model
from edgenas.errors import ProfileError, UsageError
from edgenas.figure import PUBLISHED
from edgenas.flow.configure import is_known, part
from edgenas.flow.foreign import loaded
from edgenas.flow.foreign_network import build, normalised
from edgenas.flow.own_network import apart, headed
from edgenas.flow.records import Frozen
from edgenas.flow.records.documents import DescribedChoice, DescribedSpace, Runnable
from edgenas.flow.starters import check_colour, completed
from edgenas.flow.support import refusal_of, unsupported
from edgenas.flow.target import runtime_of
from edgenas.measure.device import load_device
from edgenas.measure.measurement import STATISTICS
from edgenas.measure.runtime import precision_for, reported_by
from edgenas.options import parse
from edgenas.space import Space, load_space, space_names
from edgenas.space.elastic import space_of
from edgenas.space.listing import ListedSpace, entry, parse_shape
from edgenas.space.precision import in_precision


def survey(input_shape: str, classes: int, device: str, runtime: str | None, threads: int | None,
           profiles: str | None, precision: str | None = None) -> list[ListedSpace]:
    """Every space with its size and, per metric, its smallest and largest cost; None where nothing was profiled."""
    target = load_device(device)
    runtime = runtime_of(target, runtime)
    precision = precision_for(runtime, precision)
    path = profile_path(target.name, runtime, threads or target.threads, precision,
                        Path(profiles) if profiles else None)
    shape = parse_shape(input_shape)
    found = []
    for name in space_names():
        space = in_precision(load_space(name, shape, classes), precision)
        found.append(entry(name, space).replaced(reachable={
            metric: reachable(space, metric, path, runtime, precision)
            for metric in METRICS if is_known(metric, runtime)}))
    return found


def reachable(space: Space, metric: str, path: Path, runtime: str, precision: str) -> tuple[float, float] | None:
    told = reported_by(runtime, metric)
    if metric != "latency_ms" and not told:
        return exact_model(space, metric, precision).reachable
    if not path.exists():
        return None
    profile = Profile.load(path)
    try:
        if told:
            return figure_model(space, profile, metric, told).reachable
        if profile.header.provenance == PUBLISHED:
            return sum_model(space, profile, STATISTICS[0]).reachable
        return latency_model(space, profile, STATISTICS[0])[0].reachable
    except ProfileError:
        return None


def describe_space(name: str, input_shape: str, classes: int, assignments: tuple[str, ...], target: str | None,
                   runtime: str | None, precision: str | None) -> DescribedSpace:
    """A space's choices with their candidates, and, where a target is given, those that it cannot run, and why.

    Raises: UsageError for an option that is wrong, or as `unsupported` has it.
    """
    options = parse(assignments)
    if foreign := [option for option in options if not option.startswith("space.")]:
        raise UsageError(f"{foreign[0]!r} is no option of a space", "write for example --set space.width=0.5")
    plain = load_space(name, parse_shape(input_shape), classes, part(options, "space"))
    return described(in_precision(plain, precision or ""), target, runtime, precision)


def describe_own(request: Mapping[str, Any], target: str | None, runtime: str | None,
                 precision: str | None) -> DescribedSpace:
    """As describe_space, of a network of the user's own, with what cannot vary and why, and what can be counted of its
    smallest and its largest network.

    Raises: UsageError, DataError or UserCodeError naming what is wrong with the data, the network or its weights.
    """
    origin = request["origin"]
    request = {**request, **completed(origin, request)}
    task = loaded({"on_bad_image": None, "seed": None, **request})
    check_colour(origin, task.input_shape[0])
    task = normalised(task, request)
    given = build(origin, request["weights"], request["image_size"])
    network, head = headed(given, task, origin, new_head=request["new_head"])
    elastic = apart(network, task, origin, request["keep"])
    space = space_of(elastic, origin, task.input_shape, len(task.classes))
    found = described(in_precision(space, precision or ""), target, runtime, precision)
    fixed = tuple(Frozen(layers=f.layers, channels=f.channels, why=f.why) for f in elastic.fixed)
    reach = {metric: exact_model(space, metric).reachable for metric in ("macs", "params")}
    kept = {pattern: tuple(names) for pattern, names in elastic.untouched.items()}
    return found.replaced(head=head, kept=kept, fixed=fixed, reachable=reach)


def described(space: Space, target: str | None, runtime: str | None, precision: str | None) -> DescribedSpace:
    shapes: dict[str, dict[tuple[int, ...], None]] = {}
    for piece in space.parts:
        if piece.choice is not None:
            shapes.setdefault(piece.choice, {})[piece.input_shape] = None
    choices = tuple(DescribedChoice(name=choice, input_shapes=tuple(shapes[choice]), candidates=tuple(names))
                    for choice, names in space.choices.items())
    found = DescribedSpace(name=space.name, input_shape=space.input_shape, classes=space.classes, size=space.size,
                           choices=choices, target=None)
    if target is None:
        return found
    device = load_device(target)
    runtime = runtime_of(device, runtime)
    return found.replaced(target=Runnable(
        device=device.name, runtime=runtime, known=refusal_of(runtime) is not None,
        unsupported=unsupported(space, device, runtime, precision_for(runtime, precision))))
