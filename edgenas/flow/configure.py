"""From what a user asks for to a run's configuration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from edgenas.cost import budget
from edgenas.cost.metrics import metric_of
from edgenas.data import Task, load
from edgenas.errors import UsageError, unknown
from edgenas.flow.config import RunConfig
from edgenas.flow.foreign_network import build, fingerprint, normalised
from edgenas.flow.own_network import TEACH_EPOCHS, UNCUT, apart, check_own, fine_tuning, headed
from edgenas.flow.requests import RunRequest
from edgenas.flow.starters import check_colour, completed
from edgenas.flow.support import unsupported
from edgenas.flow.target import located, places_of, runtime_of
from edgenas.flow.teacher import teacher_config
from edgenas.imports import import_function
from edgenas.measure.device import Device, load_device
from edgenas.measure.runtime import Precision, precision_for, reported_by, runtime_names
from edgenas.options import option_names, parse, settings
from edgenas.search.settings import SearchSettings
from edgenas.search.strategy import Strategy, load_strategy, strategy_class
from edgenas.space import Space, load_space
from edgenas.space.elastic import space_of
from edgenas.space.narrowing import narrowed
from edgenas.space.precision import in_precision
from edgenas.train.settings import QatSettings, TrainSettings


def configure(request: RunRequest, command: Sequence[str] = (),
              loaded: Task | None = None) -> tuple[RunConfig, Task]:
    """The configuration, and the data, which work on the run goes on with.

    Every option is checked that can be before work begins. command: what the user typed, for the record. loaded: the
    request's data, where it was loaded before.

    Raises: UsageError for an option that is unknown or refused, DataError for the data.
    """
    check_accelerator(request.accelerator)
    check_own(request)
    request = request.model_copy(update=completed(request.origin, request.options()))
    origin, strategy = request.origin, request.strategy or ("importance" if request.origin else "snas")
    device = load_device(request.device)
    runtime = runtime_of(device, request.runtime)
    precision = precision_for(runtime, request.precision)
    assigned = parse(request.assignments)
    search = settings(SearchSettings, part(assigned, "search"), "the search")
    chosen = part(assigned, "train")
    train = settings(TrainSettings, fine_tuning(chosen) if origin else chosen, "training")
    qat = settings(QatSettings, part(assigned, "qat"), "training for int8")
    if request.search_epochs:
        search = replace(search, epochs=request.search_epochs)
    if request.train_epochs:
        train = replace(train, epochs=request.train_epochs)
    strategy_options = {name: value for name, value in assigned.items()
                        if not name.startswith(("space.", "build.", "search.", "train.", "qat."))}
    check_names(strategy_options, strategy)
    check_metrics(budgets(request), runtime, precision)
    distill = None if request.distill == "none" else request.distill or (UNCUT if origin else None)
    check_teacher(distill, load_strategy(strategy, strategy_options), strategy, origin)
    task = loaded or load(request.data, image_size=request.image_size, max_images=request.max_images,
                          on_bad_image=request.on_bad_image, seed=request.seed)
    space_options, build_options = part(assigned, "space"), part(assigned, "build")
    own: dict[str, Any] = {}
    if origin:
        own, task, plain = own_of(request, task, space_options | build_options)
    else:
        plain = load_space(request.space, task.input_shape, len(task.classes), space_options, build_options)
    space = in_precision(plain, precision)
    config = RunConfig(
        command=tuple(command), created=datetime.now(UTC).isoformat(timespec="seconds"),
        data=request.data, data_fingerprint=task.fingerprint, image_size=request.image_size,
        max_images=request.max_images, on_bad_image=request.on_bad_image,
        device=request.device, runtime=runtime, precision=precision, threads=request.threads or device.threads,
        statistic=request.statistic, profiles=request.profiles,
        space=space.name, space_options=space_options, build_options=build_options,
        unsupported=left_out(space, [(device, runtime, precision), *places(budgets(request), precision)]),
        strategy=strategy, strategy_options=strategy_options, budgets=budgets(request),
        seed=request.seed, search=search, train=train, inherit=not request.from_scratch,
        distill=distill, max_drop=request.max_drop, qat=qat, accelerator=request.accelerator,
        training_precision=request.training_precision, **own,
    )
    if config.teacher:
        teacher_config(Path(config.teacher), config)
    return config, task


def own_of(request: RunRequest, task: Task, options: Mapping[str, str]) -> tuple[dict[str, Any], Task, Space]:
    """What a configuration says of the user's own network; the data as it was trained; its space.

    Raises: UsageError naming what is wrong with the network, its weights or an option.
    """
    if options:
        raise UsageError(f"a network of your own has no option {next(iter(options))!r}",
                         "leave out --set space.… and build.…")
    origin = request.origin or ""
    check_colour(origin, task.input_shape[0])
    task = normalised(task, request.options())
    given = build(origin, request.weights, request.image_size)
    network, _ = headed(given, task, origin, new_head=request.new_head)
    usual = TEACH_EPOCHS if request.new_head else 0
    fields = {"origin": origin, "weights": str(request.weights) if request.weights else None,
              "network_sha256": fingerprint(given), "mean": task.mean, "std": task.std, "new_head": request.new_head,
              "teach_epochs": usual if request.teach_epochs is None else request.teach_epochs, "keep": request.keep,
              "teacher": str(request.teacher) if request.teacher else None}
    elastic = apart(network, task, origin, request.keep)
    return fields, task, space_of(elastic, origin, task.input_shape, len(task.classes))


def budgets(request: RunRequest) -> tuple[budget.Request, ...]:
    """Raises: UsageError when there is none, or one metric has two."""
    found = [budget.parse(text) for text in request.budgets]
    if "," in (request.latency_ms or ""):
        raise UsageError(f"--latency-ms {request.latency_ms} are several budgets, and one run is of one",
                         "edgenas run, edgenas search and edgenas.frontier take several")
    if request.latency_ms:
        found.insert(0, budget.request("latency_ms", request.latency_ms))
    if not found:
        raise UsageError("no budget is given", "--latency-ms 50%, or for example --budget macs=5e6")
    for stated in found:
        if sum(other.metric == stated.metric for other in found) > 1:
            raise UsageError(f"the budget of {stated.metric} is given twice", "give one of them")
    return tuple(found)


def is_known(metric: str, runtime: str) -> bool:
    """Whether a network's metric can be told where `runtime` runs it."""
    return metric == "latency_ms" or metric_of(metric).of is not None or reported_by(runtime, metric) is not None


def places(requests: Iterable[budget.Request], precision: str) -> list[tuple[Device, str, Precision]]:
    """Of all further devices that budgets name."""
    return [located(place, precision) for place in places_of(requests)]


def left_out(space: Space, targets: Iterable[tuple[Device, str, str]]) -> dict[str, dict[str, str]]:
    """The candidates that one of the devices cannot run, with the reason."""
    found: dict[str, dict[str, str]] = {}
    for device, runtime, precision in targets:
        for choice, row in unsupported(narrowed(space, found), device, runtime, precision).items():
            found[choice] = found.get(choice, {}) | row
    return found


def check_metrics(requests: Iterable[budget.Request], runtime: str, precision: str) -> None:
    """Raises: UsageError for a budget of what the runtime, or that of the device it names, does not tell."""
    for request in requests:
        if place := budget.place_of(request.metric):
            check_further(request.here, located(place, precision)[1], place)
        elif not is_known(request.metric, runtime):
            telling = [name for name in runtime_names() if reported_by(name, request.metric)]
            raise UsageError(f"the runtime {runtime!r} does not tell {request.metric}; told by: {', '.join(telling)}",
                             "leave out that budget, or choose another --device: edgenas devices")


def check_further(request: budget.Request, runtime: str, place: str) -> None:
    """Raises: UsageError for a budget of what is not told by the runtime of another device."""
    if request.metric != "latency_ms" and reported_by(runtime, request.metric) is None:
        raise UsageError(f"{request.metric} of {place} is not told by its runtime {runtime!r}",
                         f"--budget {request.metric}={request.text}, which needs no device"
                         if metric_of(request.metric).of else f"--budget latency_ms@{place}=…")


def qat_of(known: QatSettings, assignments: Sequence[str]) -> QatSettings:
    """`known`, with what `qat.NAME=VALUE` texts say instead.

    Raises: UsageError for an option of anything else, an unknown name or a refused value.
    """
    assigned = parse(tuple(assignments))
    if foreign := [name for name in assigned if not name.startswith("qat.")]:
        raise UsageError(f"an export has no option {foreign[0]!r}: it takes those of training for int8",
                         "write for example --set qat.epochs=20")
    return settings(QatSettings, asdict(known) | part(assigned, "qat"), "training for int8")


def check_names(names: Iterable[str], strategy: str) -> None:
    """Raises: UsageError for a name without a known prefix that is no option of the strategy."""
    known = option_names(strategy_class(strategy))
    heads = {"search": SearchSettings, "train": TrainSettings, "qat": QatSettings}
    near = [f"{head}.{name}" for head, cls in heads.items() for name in option_names(cls)]
    for name in names:
        if name not in known:
            raise unknown(f"option of strategy {strategy!r} or of the run", name, [*known, *near])


def check_accelerator(name: str) -> None:
    """Raises: UsageError when PyTorch has none of that name here."""
    if (name == "cuda" and not torch.cuda.is_available()) or (name == "mps" and not torch.backends.mps.is_available()):
        raise UsageError(f"PyTorch finds no accelerator {name!r} on this machine", "--accelerator auto")


def check_teacher(source: str | None, strategy: Strategy, name: str, origin: str | None = None) -> None:
    """Raises: UsageError for a teacher that will not be there when training begins, or a strategy that asks for a
    network of the user's own where there is none."""
    if not origin and (source == UNCUT or strategy.own_only):
        what = f"strategy {name!r}" if strategy.own_only else f"--distill {source}"
        raise UsageError(f"{what} is for a trained network of your own, and none is given",
                         "--from net.py:build --weights w.safetensors")
    if source == UNCUT:
        return
    if source == "supernet" and not (strategy.trains_supernet and strategy.inherits):
        raise UsageError(f"strategy {name!r} trains no {'whole ' * strategy.trains_supernet}supernet to distil from",
                         "leave out --distill, or give --distill MODULE:FUNCTION")
    if source is not None and source != "supernet":
        import_function(source, "--distill")


def part(assigned: Mapping[str, str], prefix: str) -> dict[str, str]:
    """The options under `prefix.`, without it."""
    return {name.removeprefix(f"{prefix}."): value for name, value in assigned.items()
            if name.startswith(f"{prefix}.")}
