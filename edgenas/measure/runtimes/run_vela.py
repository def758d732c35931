"""Estimates int8 TFLite files on Arm's Ethos-U with its compiler, vela. Stands alone: numpy and ethos-u-vela.

Nothing is run: vela compiles the file and says how many cycles it expects. A virtual clock moves on by that time with
each run. An operator that vela leaves to the processor beside the NPU is an error, as its time is not in the estimate.
Predictions are LiteRT's, where it is installed.

    accelerator    one of vela's, such as ethos-u55-128
    system_config  clock and memories, by their name in vela.ini; "": vela's own choice for the accelerator
    memory_mode    what lies in which memory, by its name in vela.ini; "": vela's own choice
"""

from __future__ import annotations

import contextlib
import csv
import importlib
import importlib.metadata
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

FORMAT = "tflite"
SUFFIX = ".tflite"
EXTRA = "ethosu"
PRECISIONS = ("int8",)
PROVENANCE = "estimated"
DEPLOYED = "ethosu"
METRICS = {"sram_kib": ("sram_kib", "estimated"), "flash_kib": ("file_kib", "counted")}
OPTIONS = {"accelerator": "ethos-u55-128", "system_config": "", "memory_mode": ""}

MEMORIES = ("sram", "dram", "on_chip_flash", "off_chip_flash")
TYPES = {0: "float32", 2: "int32", 3: "uint8", 7: "int16", 9: "int8"}  # of TFLite's schema
REASON = re.compile(r"operator: (\w+), ofm: '(.*)'\n(?:Reason: )?(.*)")
FUSED = "_act"  # ends the name of an operator while vela has its activation apart
SHOWN = 3
NAME = re.compile(r"\w[\w.-]{0,79}", re.ASCII)  # of what vela.ini has; no option of the program's
HEARD = 1 << 24  # characters that are read of what vela prints

_now_s = 0.0


def clock() -> float:
    """The virtual time in seconds."""
    return _now_s


def version() -> str:
    import ethosu.vela  # noqa: F401  (it is missing now rather than at the first artifact)
    return importlib.metadata.version("ethos-u-vela")


def refusal(path: str, accelerator: str = OPTIONS["accelerator"], system_config: str = "",
            memory_mode: str = "") -> str:
    """The operators that would run beside the NPU, or why the file cannot be compiled; nothing if all is well."""
    try:
        return "; ".join(compiled(path, accelerator, system_config, memory_mode).left)
    except ValueError as error:
        return str(error)


class Session:
    """figures: `cycles` in total; the memory used, such as `sram_kib`; `file_kib`, the size of the file to deploy;
    operators on the NPU and beside it.
    """

    def __init__(self, path: str, threads: int, accelerator: str = OPTIONS["accelerator"], system_config: str = "",
                 memory_mode: str = "") -> None:
        self.inputs, self.outputs = _signature(path)
        found = compiled(path, accelerator, system_config, memory_mode)
        left = found.left
        if left:
            raise ValueError(f"{len(left)} of {len(found.layers)} operators would run on the processor beside the NPU, "
                             f"whose time is not estimated: {'; '.join(left[:SHOWN])}"
                             + ("; …" if len(left) > SHOWN else ""))
        self._step_s = float(found.summary["inference_time"])
        self.figures = found.figures
        self._path, self._threads = path, threads
        self._predictor: Any = None

    def run(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        if self._predictor is None:
            litert = importlib.import_module("ai_edge_litert.interpreter")
            self._predictor = litert.Interpreter(model_path=self._path, num_threads=self._threads)
            self._predictor.allocate_tensors()
        for detail, array in zip(self._predictor.get_input_details(), arrays, strict=True):
            self._predictor.set_tensor(detail["index"], array)
        self._predictor.invoke()
        return [self._predictor.get_tensor(detail["index"]) for detail in self._predictor.get_output_details()]

    def prepare(self, arrays: list[np.ndarray]) -> None:
        """Nothing to do: no input changes the time."""

    def invoke(self) -> None:
        global _now_s
        _now_s += self._step_s


class Compiled(NamedTuple):
    """Vela's summary of a file, its operators in order, what it printed, and the file that it made."""

    summary: dict[str, str]
    layers: list[dict[str, str]]
    said: str
    content: bytes

    @property
    def figures(self) -> dict[str, float]:
        """See Session."""
        on_npu = sum(row["Target"] == "NPU" for row in self.layers)
        return {"cycles": float(self.summary["cycles_total"]), "npu_operators": on_npu,
                "cpu_operators": len(self.layers) - on_npu, "file_kib": len(self.content) / 1024,
                **{f"{memory}_kib": float(self.summary[f"{memory}_memory_used"]) for memory in MEMORIES}}

    @property
    def left(self) -> list[str]:
        """The operators that would run on the processor beside the NPU, with the reasons that vela gave."""
        reasons = {name.removesuffix(FUSED): f"{kind} {_short(name.removesuffix(FUSED))!r} ({_short(reason)})"
                   for kind, name, reason in REASON.findall(self.said)}
        return [reasons.get(row["Name"], f"{row['Original Operator']} {_short(row['Name'])!r}")
                for row in self.layers if row["Target"] != "NPU"]


def compiled(path: str, accelerator: str, system_config: str = "", memory_mode: str = "") -> Compiled:
    """Raises: ValueError with vela's reason."""
    from ethosu.vela import vela
    for name in (accelerator, system_config, memory_mode):
        if name and not NAME.fullmatch(name):
            raise ValueError(f"{name[:80]!r} is no name of an accelerator, a system or a memory mode in vela.ini")
    argv = [os.path.abspath(path), "--accelerator-config", accelerator, "--verbose-performance",
            *(["--system-config", system_config] if system_config else []),
            *(["--memory-mode", memory_mode] if memory_mode else [])]
    with tempfile.TemporaryDirectory(prefix="vela-") as folder, tempfile.TemporaryFile("w+") as heard:
        try:
            with _heard(heard):
                vela.main([*argv, "--output-dir", folder])
        except (Exception, SystemExit) as error:
            heard.seek(0)
            told = heard.read(HEARD) if isinstance(error, SystemExit) else getattr(error, "data", str(error))
            reason = (told.strip().splitlines() or [repr(error)])[-1]
            raise ValueError(f"vela cannot compile it: {reason}") from error
        heard.seek(0)
        (summary,) = _rows(next(Path(folder).glob("*_summary_*.csv")))
        return Compiled(summary, _rows(next(Path(folder).glob("*_per-layer.csv"))), heard.read(HEARD),
                        next(Path(folder).glob("*_vela.tflite")).read_bytes())


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:80] + "…"


@contextlib.contextmanager
def _heard(heard: IO[str]) -> Iterator[None]:
    """What is printed within, by Python or C++, goes to the file `heard`."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = {number: os.dup(number) for number in (1, 2)}
    try:
        for number in kept:
            os.dup2(heard.fileno(), number)
        with contextlib.redirect_stdout(heard), contextlib.redirect_stderr(heard):
            yield
        heard.flush()
    finally:
        for number, copy in kept.items():
            os.dup2(copy, number)
            os.close(copy)


def _signature(path: str) -> tuple[list[tuple[str, list[int], str]], list[tuple[str, list[int], str]]]:
    """The inputs and outputs of the model's graph."""
    from ethosu.vela.tflite.Model import Model
    content = Path(path).read_bytes()
    if content[4:8] != b"TFL3":
        raise ValueError(f"{Path(path).name!r} is no TFLite model")
    graph = Model.GetRootAs(content, 0).Subgraphs(0)
    tensors = ([graph.Tensors(index) for index in indices] for indices in (graph.InputsAsNumpy(),
                                                                            graph.OutputsAsNumpy()))
    inputs, outputs = ([(tensor.Name().decode(), tensor.ShapeAsNumpy().tolist(), _type(tensor)) for tensor in side]
                       for side in tensors)
    return inputs, outputs


def _type(tensor: Any) -> str:
    if tensor.Type() not in TYPES:
        raise ValueError(f"the tensor {tensor.Name().decode()!r} is of TFLite's type {tensor.Type()}, which has no "
                         "counterpart here")
    return TYPES[tensor.Type()]
