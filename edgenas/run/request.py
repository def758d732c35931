"""From the command line's options to a run's configuration."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from edgenas import budget
from edgenas.data import load
from edgenas.errors import UsageError
from edgenas.measure.device import load_device
from edgenas.options import parse, settings
from edgenas.run.config import RunConfig
from edgenas.search.search import SearchSettings
from edgenas.search.strategy import load_strategy
from edgenas.space import load_space
from edgenas.train import TrainSettings


def configure(request: Mapping[str, Any]) -> RunConfig:
    """Check every option that can be checked before work begins.

    Raises: UsageError for an option that is unknown or refused, DataError for the data.
    """
    device = load_device(request["device"])
    runtime = request["runtime"] or device.runtimes[0]
    assigned = parse(request["assignments"])
    search = settings(SearchSettings, part(assigned, "search"), "the search")
    train = settings(TrainSettings, part(assigned, "train"), "training")
    if request["search_epochs"]:
        search = replace(search, epochs=request["search_epochs"])
    if request["train_epochs"]:
        train = replace(train, epochs=request["train_epochs"])
    known = ("space.", "search.", "train.")
    strategy_options = {name: value for name, value in assigned.items() if not name.startswith(known)}
    load_strategy(request["strategy"], strategy_options)
    task = load(request["data"], image_size=request["image_size"], max_images=request["max_images"],
                on_bad_image=request["on_bad_image"], seed=request["seed"])
    load_space(request["space"], task.input_shape, len(task.classes), part(assigned, "space"))
    return RunConfig(
        command=("edgenas", *sys.argv[1:]), created=datetime.now(UTC).isoformat(timespec="seconds"),
        data=request["data"], data_fingerprint=task.fingerprint, image_size=request["image_size"],
        max_images=request["max_images"], on_bad_image=request["on_bad_image"],
        device=request["device"], runtime=runtime, threads=request["threads"] or device.threads,
        statistic=request["statistic"], profiles=request["profiles"],
        space=request["space"], space_options=part(assigned, "space"),
        strategy=request["strategy"], strategy_options=strategy_options, budgets=budgets(request),
        seed=request["seed"], search=search, train=train, inherit=not request["from_scratch"],
        distill=request["distill"], accelerator=request["accelerator"], precision=request["precision"],
    )


def budgets(request: Mapping[str, Any]) -> tuple[budget.Request, ...]:
    """Raises: UsageError when there is none."""
    found = [budget.parse(text) for text in request["budgets"]]
    if request["latency_ms"]:
        found.insert(0, budget.request("latency_ms", request["latency_ms"]))
    if not found:
        raise UsageError("no budget is given", "--latency-ms 50%, or for example --budget macs=5e6")
    return tuple(found)


def part(assigned: Mapping[str, str], prefix: str) -> dict[str, str]:
    """The options under `prefix.`, without it."""
    return {name.removeprefix(f"{prefix}."): value for name, value in assigned.items()
            if name.startswith(f"{prefix}.")}
