"""Estimates int8 TFLite files on a microcontroller. Stands alone: numpy and tflite-micro.

Memory is what TensorFlow Lite for Microcontrollers takes when it runs the file here, with its reference kernels: the
smallest arena in which it can, to 16 bytes, which lies in RAM, and the file, which lies in flash beside the program.
Pointers take 8 bytes here and 4 on a microcontroller; the scratch buffers of Arm's CMSIS-NN kernels are not counted.
Latency is a model: a virtual clock moves on with each run by

    work / macs_per_cycle / clock_mhz

where work is the multiply-accumulates (MACs) of convolutions and fully connected layers, and one for each element that
any other operator reads.

    macs_per_cycle  of the processor with Arm's CMSIS-NN kernels, averaged over a network. From published latencies of
                    eight MobileNet-like int8 networks (6 to 82 MMACs) with CMSIS-NN on a Cortex-M7 at 480 MHz
                    (github.com/mit-han-lab/tinyengine, "Measured Results"; MACs from github.com/mit-han-lab/mcunet):
                    0.21 to 0.26, mean 0.24. Slower by a third on a Cortex-M4 by Arm's CoreMark/MHz (3.42 to 5.01).
    clock_mhz       of the processor
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib.metadata
import math
import os
import re
import resource
import signal
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

FORMAT = "tflite"
SUFFIX = ".tflite"
EXTRA = "micro"
PRECISIONS = ("int8",)
PROVENANCE = "estimated"
DEPLOYED = "c_array"
METRICS = {"peak_memory_kib": ("arena_kib", "measured", "persistent_kib")}
OPTIONS = {"clock_mhz": 216.0, "macs_per_cycle": 0.24}

LEAST_ARENA, LARGEST_ARENA = 1 << 20, 1 << 28  # bytes, of those that are tried first
TOO_SMALL, CRASHED = "missing:", "it ended with signal"
LONGEST_S = 300  # a run may take, with kernels that are not fast
FASTEST = 1e5  # MHz, or MACs per cycle: no processor is
HEARD, SAID = 1 << 24, 4000  # bytes that such a run may write, and that are read of them
STEP = 16  # bytes: what an arena is aligned to
ALLOCATED = re.compile(r"Arena allocation (head|tail) (\d+) bytes")

_now_s = 0.0


def clock() -> float:
    """The virtual time in seconds."""
    return _now_s


def version() -> str:
    import tflite_micro  # noqa: F401  (it is missing now rather than at the first artifact)
    return importlib.metadata.version("tflite-micro")


def refusal(path: str, clock_mhz: float = OPTIONS["clock_mhz"],
            macs_per_cycle: float = OPTIONS["macs_per_cycle"]) -> str:
    """Why tflite-micro cannot run the file; nothing if it can, with enough memory."""
    return tried(Path(path).read_bytes(), LARGEST_ARENA)


class Session:
    """figures: `arena_kib` of RAM, and `persistent_kib`, the part that lasts; `flash_kib` of the file, `macs`."""

    def __init__(self, path: str, threads: int, clock_mhz: float = OPTIONS["clock_mhz"],
                 macs_per_cycle: float = OPTIONS["macs_per_cycle"]) -> None:
        if not (0 < clock_mhz <= FASTEST and 0 < macs_per_cycle <= FASTEST):
            raise ValueError(f"clock_mhz is {clock_mhz} and macs_per_cycle {macs_per_cycle}; both must be above 0, and "
                             f"at most {FASTEST:g}")
        content = Path(path).read_bytes()
        if content[4:8] != b"TFL3":
            raise ValueError(f"{Path(path).name!r} is no TFLite model")
        macs, others = _work(content)
        self._step_s = (macs + others) / macs_per_cycle / (clock_mhz * 1e6)
        self._interpreter, arena, persistent = loaded(content)
        self.inputs = [("image", *_shape(self._interpreter.get_input_details(0)))]
        self.outputs = [("logits", *_shape(self._interpreter.get_output_details(0)))]
        self.figures = {"arena_kib": arena / 1024, "persistent_kib": persistent / 1024,
                        "flash_kib": len(content) / 1024, "macs": macs}

    def run(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        self._interpreter.set_input(arrays[0], 0)
        self._interpreter.invoke()
        return [self._interpreter.get_output(0)]

    def prepare(self, arrays: list[np.ndarray]) -> None:
        """Nothing to do: no input changes the time."""

    def invoke(self) -> None:
        global _now_s
        _now_s += self._step_s


def loaded(content: bytes) -> tuple[Any, int, int]:
    """An interpreter that ran once, the smallest arena in bytes that the model runs in, to STEP, and the part of it
    whose contents last.

    Raises: ValueError with tflite-micro's reason when it cannot run it, or not in LARGEST_ARENA.
    """
    size = LEAST_ARENA
    while said := tried(content, size):
        if (TOO_SMALL not in said and CRASHED not in said) or size >= LARGEST_ARENA:
            raise ValueError(f"tflite-micro cannot run it: {said}")
        size *= 2
    with tempfile.TemporaryFile("w+") as heard:
        with _heard(heard):
            interpreter = _run_once(content, size)
            interpreter.print_allocations()
        heard.seek(0)
        used = {where: int(size) for where, size in ALLOCATED.findall(heard.read())}
    return interpreter, _smallest(content, sum(used.values()), size), used["tail"]


def _smallest(content: bytes, used: int, enough: int) -> int:
    """used: what was recorded as in use, which preparing may exceed. enough: an arena that the model ran in."""
    low, high = -(-used // STEP) - 1, enough // STEP
    if not tried(content, (low + 1) * STEP):
        return (low + 1) * STEP
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if tried(content, middle * STEP) else (low, middle)
    return high * STEP


def tried(content: bytes, arena: int) -> str:
    """Run the model once in an arena of so many bytes; why it cannot run, or nothing.

    In a process of its own: tflite-micro does not check every allocation, and crashes in an arena that is too small.
    """
    from tflite_micro.python.tflite_micro import runtime  # noqa: F401  (once, rather than in every such process)
    with tempfile.TemporaryFile("w+") as heard:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of other threads, of which the child needs nothing
            child = os.fork()
        if child == 0:
            status = 1
            try:
                faulthandler.disable()
                signal.alarm(LONGEST_S)
                resource.setrlimit(resource.RLIMIT_FSIZE, (HEARD, HEARD))
                for number in (1, 2):
                    os.dup2(heard.fileno(), number)
                _run_once(content, arena)
                status = 0
            except RuntimeError as error:
                if not os.fstat(1).st_size:
                    os.write(1, str(error).encode())
            finally:
                os._exit(status)
        status = os.waitpid(child, 0)[1]
        heard.seek(0)
        said = " ".join(heard.read(SAID).split())
    return "" if status == 0 else f"{CRASHED} {status}. {said}" if os.WIFSIGNALED(status) else said or "it said nothing"


def _run_once(content: bytes, arena: int) -> Any:
    interpreter = _interpreter(content, arena)
    interpreter.set_input(np.zeros(*_shape(interpreter.get_input_details(0))), 0)
    interpreter.invoke()
    return interpreter


def _interpreter(content: bytes, arena: int) -> Any:
    from tflite_micro.python.tflite_micro import runtime
    return runtime.Interpreter.from_bytes(content, arena_size=arena)


def _shape(detail: dict[str, Any]) -> tuple[list[int], str]:
    return detail["shape"].tolist(), np.dtype(detail["dtype"]).name


def _work(content: bytes) -> tuple[int, int]:
    """The model's MACs, and the elements that operators without MACs read."""
    from tflite_micro.python.tflite_micro.runtime import convert_bytearray_to_object, schema_fb
    model = convert_bytearray_to_object(content)
    names = {value: name for name, value in vars(schema_fb.BuiltinOperator).items() if isinstance(value, int)}
    macs = others = 0
    (graph,) = model.subgraphs
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        name = names[max(code.builtinCode, code.deprecatedBuiltinCode)]
        given, made = (math.prod(graph.tensors[side[0]].shape) for side in (operator.inputs, operator.outputs))
        if name in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
            weight = graph.tensors[operator.inputs[1]]
            if weight.type != schema_fb.TensorType.INT8:
                raise ValueError(f"the weight of {name} {graph.tensors[operator.outputs[0]].name.decode()!r} is not "
                                 "int8, and macs_per_cycle is that of int8 kernels")
            macs += made * math.prod(weight.shape[1:3] if name == "DEPTHWISE_CONV_2D" else weight.shape[1:])
        else:
            others += given
    return int(macs), int(others)


@contextlib.contextmanager
def _heard(heard: IO[str]) -> Iterator[None]:
    """What is printed within, also by C++, goes to the file `heard`."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = {number: os.dup(number) for number in (1, 2)}
    try:
        for number in kept:
            os.dup2(heard.fileno(), number)
        yield
    finally:
        for number, copy in kept.items():
            os.dup2(copy, number)
            os.close(copy)
