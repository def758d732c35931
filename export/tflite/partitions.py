"""Into how many parts XNNPACK, LiteRT's delegate for CPUs, divides a TFLite file, and which operators it leaves."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgenas.export.extras import import_extra


@dataclass(frozen=True)
class Partitions:
    """count: parts that XNNPACK computes as one each. left: operators computed by TFLite's own kernels, with how many.

    Each of `left` that is between other operators splits the network: values go back and forth.
    """

    count: int
    left: dict[str, int]


def partitions(path: Path) -> Partitions:
    """As LiteRT of this environment does it when it loads the file.

    Raises: UsageError when LiteRT is not installed.
    """
    interpreter = import_extra("ai_edge_litert.interpreter", "tflite").Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    nodes = interpreter._get_ops_details()
    parts = [node for node in nodes if node["op_name"] == "DELEGATE"]
    operators = [node for node in nodes if node["op_name"] != "DELEGATE"]
    taken = {index for part in parts for index in _within(part, operators)}
    left = Counter(str(node["op_name"]) for node in operators if node["index"] not in taken)
    return Partitions(len(parts), dict(sorted(left.items())))


def _within(part: dict[str, Any], operators: list[dict[str, Any]]) -> set[int]:
    """The operators that a part stands for: those between its inputs and its outputs."""
    makers = {int(tensor): operator for operator in operators for tensor in operator["outputs"]}
    given = {int(tensor) for tensor in part["inputs"]}
    found: set[int] = set()
    frontier = [int(tensor) for tensor in part["outputs"]]
    while frontier:
        tensor = frontier.pop()
        operator = makers.get(tensor)
        if tensor in given or operator is None or operator["index"] in found:
            continue
        found.add(operator["index"])
        frontier += [int(value) for value in operator["inputs"]]
    return found
