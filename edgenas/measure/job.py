"""What is run on a device: files, a command and what it reads."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgenas.measure import worker
from edgenas.measure.protocol import Protocol
from edgenas.measure.runtime import Runtime

PYTHON = "{python}"
"""As the first word of a command: the device's own interpreter, which its transport knows."""


@dataclass(frozen=True)
class Artifact:
    """An exported model file, and the name that its measurement bears. label: what people call it, if not `id`."""

    id: str
    path: Path
    label: str = ""

    @property
    def name(self) -> str:
        return self.label or repr(self.id)


@dataclass(frozen=True)
class Job:
    """files: name in the job's folder on the device (`0/net.onnx`) -> file on this machine. command: run in that
    folder, without a shell. stdin: text that it is given.
    """

    files: Mapping[str, Path]
    command: tuple[str, ...]
    stdin: str = ""

    def limit_s(self, timeout_s: float) -> int:
        """The longest that it may take, if no line may take longer than `timeout_s`: its results are one per file at
        most. This ends what goes on printing without one.
        """
        return math.ceil(timeout_s * (2 + len(self.files)))


@dataclass(frozen=True)
class Order:
    """What is to be measured, and how. options: the runtime's own, from the device's `settings`."""

    artifacts: Sequence[Artifact]
    threads: int
    protocol: Protocol
    interleave: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)


def job_of(runtime: Runtime, order: Order) -> Job:
    """The runtime's own job, or worker.py with the runtime's file: what needs Python on the device."""
    if runtime.job is not None:
        found = runtime.job(order)
        assert isinstance(found, Job)
        return found
    runner = runtime.file
    names = {artifact.id: f"{index}/{artifact.path.name}" for index, artifact in enumerate(order.artifacts)}
    request = {"runner": runner.name, "threads": order.threads, "protocol": order.protocol.to_dict(),
               "interleave": order.interleave, "options": dict(order.options),
               "artifacts": [{"id": key, "path": name} for key, name in names.items()]}
    files = {"worker.py": Path(worker.__file__), runner.name: runner} | artifact_files(order.artifacts)
    return Job(files, (PYTHON, "worker.py"), json.dumps(request) + "\n")


def lines_of(runtime: Runtime, order: Order, printed: Iterator[str]) -> Iterator[str]:
    """What a job printed as a worker's lines: the runtime's own `lines` makes them of what another program printed."""
    return printed if runtime.lines is None else iter(runtime.lines(order, printed))


def artifact_files(artifacts: Sequence[Artifact]) -> dict[str, Path]:
    """The artifacts in a folder each, by number, with what lies beside them: `<path>.json`."""
    files = {}
    for index, artifact in enumerate(artifacts):
        files[f"{index}/{artifact.path.name}"] = artifact.path
        beside = artifact.path.with_name(f"{artifact.path.name}.json")
        if beside.is_file():
            files[f"{index}/{beside.name}"] = beside
    return files
