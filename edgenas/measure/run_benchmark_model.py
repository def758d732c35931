"""Runs TFLite files with benchmark_model, TensorFlow Lite's own program, for devices that have no Python.

    program    the user's program, by its path on the device
    push       or by its path on this machine: it is then pushed with every job
    arguments  what else it is told, as a shell would split it: --use_gpu=true

Whole rounds of its runs take the place of the measuring protocol's (see benchmark_model.sh): a run of the program gives
three samples, as it prints enough to tell three inferences apart; where the whole microseconds that it counts in are
too coarse, one sample, the mean of a loop. All statistics are of these samples. There is no reference computation:
`agreed` speaks of the minima alone. Predictions are LiteRT's, on this machine.
"""

from __future__ import annotations

import json
import math
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from edgenas.errors import DeviceError, UsageError
from edgenas.measure import machine, run_litert
from edgenas.measure.benchmark_rounds import result
from edgenas.measure.job import Job, Order

FORMAT = run_litert.FORMAT
SUFFIX = run_litert.SUFFIX
EXTRA = run_litert.EXTRA
PRECISIONS = run_litert.PRECISIONS
OPTIONS = {"program": "/data/local/tmp/benchmark_model", "push": "", "arguments": ""}
SCRIPT = Path(__file__).with_name("benchmark_model.sh")
PUSHED = "benchmark_model"
CLOCK_US = 100
"""A shorter inference is not told to 1% by whole microseconds."""

version = run_litert.version


def job(order: Order) -> Job:
    """Raises: UsageError for settings that cannot be used."""
    push = str(order.options["push"])
    if push and not Path(push).is_file():
        raise UsageError(f"settings.benchmark_model.push is {push!r}, which is no file",
                         "set it to the path of a benchmark_model for the device's processor")
    protocol = order.protocol
    graphs = {f"{index}/model.tflite": artifact.path for index, artifact in enumerate(order.artifacts)}
    files = {SCRIPT.name: SCRIPT, machine.SCRIPT.name: machine.SCRIPT} | graphs
    if push:
        files[PUSHED] = Path(push)
    numbers = (math.ceil(protocol.timeout_s), protocol.rounds, protocol.max_rounds, math.ceil(protocol.patience_s),
               round(protocol.agreement * 1000), math.ceil(protocol.runs / 3), CLOCK_US)
    return Job(files, ("sh", SCRIPT.name, f"./{PUSHED}" if push else str(order.options["program"]),
                       *map(str, numbers), f"--num_threads={order.threads}", *_arguments(order)),
               "".join(f"{graph}\n" for graph in graphs))


def _arguments(order: Order) -> list[str]:
    try:
        return shlex.split(str(order.options["arguments"]))
    except ValueError as error:
        raise UsageError(f"settings.benchmark_model.arguments is {order.options['arguments']!r}: {error}",
                         'write them as in a shell, for example "--use_gpu=true"') from error


def lines(order: Order, printed: Iterator[str]) -> Iterator[str]:
    """The script's lines as a worker's: facts become the header, each graph's runs its result."""
    facts, other = machine.read_facts(printed)
    if other:
        yield other
        return
    hashed = re.match(r"[0-9a-f]{64}\b", facts.get("program", [""])[0])
    if hashed is None:
        program = order.options["push"] or order.options["program"]
        raise DeviceError(f"there is no program {program!r} on the device",
                          "set program under [settings.benchmark_model] in the device's file to the path of a "
                          "benchmark_model there, or push to one on this machine")
    yield machine.header("benchmark_model", f"sha256 {hashed[0][:12]}", facts)
    for number, artifact in enumerate(order.artifacts):
        yield json.dumps({"id": artifact.id, **result(printed, number, order.protocol)}, allow_nan=False)


class Session(run_litert.Session):
    def __init__(self, path: str, threads: int, **options: str) -> None:
        super().__init__(path, threads)
