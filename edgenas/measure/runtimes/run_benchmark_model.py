"""Runs TFLite files with benchmark_model, TensorFlow Lite's own program, for devices that have no Python.

    program    the user's program, by its path on the device
    push       or true: the one on this machine that EDGENAS_BENCHMARK_MODEL names is pushed with every job. A device's
               file cannot name it: whoever wrote that would say which of the user's files is sent where
    arguments  what else it is told, as a shell would split it: --use_gpu=true

Whole rounds of its runs take the place of the measuring protocol's (see benchmark_model.sh): a run of the program gives
three samples, as it prints enough to tell three inferences apart; where the whole microseconds that it counts in are
too coarse, one sample, the mean of a loop. All statistics are of these samples. There is no reference computation:
`agreed` speaks of the minima alone. Predictions are LiteRT's, on this machine.
"""

from __future__ import annotations

import json
import math
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from edgenas.errors import DeviceError, UsageError
from edgenas.measure import machine
from edgenas.measure.job import Job, Order
from edgenas.measure.runtimes import run_litert
from edgenas.measure.runtimes._benchmark_rounds import result
from edgenas.text import quoted

FORMAT = run_litert.FORMAT
SUFFIX = run_litert.SUFFIX
EXTRA = run_litert.EXTRA
PRECISIONS = run_litert.PRECISIONS
OPTIONS = {"program": "/data/local/tmp/benchmark_model", "push": False, "arguments": ""}
SCRIPT = Path(__file__).with_name("benchmark_model.sh")
PUSHED = "benchmark_model"
VARIABLE = "EDGENAS_BENCHMARK_MODEL"
NAME = re.compile(r"/(?:[^/]*/)*[\w.-]*benchmark_model[\w.-]*")
EXAMPLE = 'write them as in a shell, for example "--use_gpu=true"'
ARGUMENT = re.compile(r"--\w+(=.*)?")
CLOCK_US = 100
"""A shorter inference is not told to 1% by whole microseconds."""

version = run_litert.version


def job(order: Order) -> Job:
    """Raises: UsageError for settings that cannot be used."""
    program, push = _program(order), _pushed(order)
    protocol = order.protocol
    graphs = {f"{index}/model.tflite": artifact.path for index, artifact in enumerate(order.artifacts)}
    files = {SCRIPT.name: SCRIPT, machine.SCRIPT.name: machine.SCRIPT} | graphs
    if push:
        files[PUSHED] = push
    numbers = (math.ceil(protocol.timeout_s), protocol.rounds, protocol.max_rounds, math.ceil(protocol.patience_s),
               round(protocol.agreement * 1000), math.ceil(protocol.runs / 3), CLOCK_US)
    return Job(files, ("sh", SCRIPT.name, f"./{PUSHED}" if push else program,
                       *map(str, numbers), f"--num_threads={order.threads}", *_arguments(order)),
               "".join(f"{graph}\n" for graph in graphs))


def _program(order: Order) -> str:
    """Its path on the device. Raises: UsageError for another program."""
    program = str(order.options["program"])
    if not NAME.fullmatch(program) or not program.isprintable():
        raise UsageError(f"settings.benchmark_model.program is {quoted(program)}; it must be the path of a "
                         "benchmark_model there, as no other program is run",
                         'program = "/data/local/tmp/benchmark_model"')
    return program


def _pushed(order: Order) -> Path | None:
    """The program on this machine, if it is to be pushed. Raises: UsageError when the user names none."""
    if not order.options["push"]:
        return None
    path = os.environ.get(VARIABLE, "")
    if not Path(path).is_file():
        raise UsageError(f"settings.benchmark_model.push is true, and {VARIABLE} "
                         + (f"is {quoted(path)}, which is no file" if path else "does not say what to push"),
                         f"export {VARIABLE}=PATH of a benchmark_model for the device's processor")
    return Path(path)


def _arguments(order: Order) -> list[str]:
    given = str(order.options["arguments"])
    try:
        words = shlex.split(given)
    except ValueError as error:
        raise UsageError(f"settings.benchmark_model.arguments is {quoted(given)}: {error}", EXAMPLE) from error
    if wrong := [word for word in words if not ARGUMENT.fullmatch(word) or not word.isprintable()]:
        raise UsageError(f"settings.benchmark_model.arguments has {quoted(wrong[0])}; each must be --NAME=VALUE",
                         EXAMPLE)
    return words


def lines(order: Order, printed: Iterator[str]) -> Iterator[str]:
    """The script's lines as a worker's: facts become the header, each graph's runs its result."""
    facts, other = machine.read_facts(printed)
    if other:
        yield other
        return
    hashed = re.match(r"[0-9a-f]{64}\b", facts.get("program", [""])[0])
    if hashed is None:
        program = PUSHED if order.options["push"] else order.options["program"]
        raise DeviceError(f"there is no program {program!r} on the device",
                          "set program under [settings.benchmark_model] in the device's file to the path of a "
                          f"benchmark_model there, or push = true and export {VARIABLE}=PATH of one on this machine")
    yield machine.header("benchmark_model", f"sha256 {hashed[0][:12]}", facts)
    for number, artifact in enumerate(order.artifacts):
        yield json.dumps({"id": artifact.id, **result(printed, number, order.protocol)}, allow_nan=False)


class Session(run_litert.Session):
    def __init__(self, path: str, threads: int, **options: str | bool) -> None:
        super().__init__(path, threads)
