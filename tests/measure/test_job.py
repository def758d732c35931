from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edgenas.measure import worker
from edgenas.measure.job import PYTHON, Artifact, Job, Order, artifact_files, job_of, lines_of
from edgenas.measure.protocol import DEFAULT
from edgenas.measure.runtime import load_runtime


@pytest.fixture
def order(tmp_path: Path) -> Order:
    """Two files of one name in two folders, one with a file beside it."""
    artifacts = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / "net.so"
        path.touch()
        artifacts.append(Artifact(folder, path))
    (tmp_path / "two" / "net.so.json").touch()
    return Order(tuple(artifacts), 2, DEFAULT, options={"core": 3})


def test_a_job_holds_all_that_the_worker_needs(order, tmp_path):
    runtime = load_runtime("tvm")
    job = job_of(runtime, order)
    assert job.command == (PYTHON, "worker.py")
    assert job.files == {
        "worker.py": Path(worker.__file__), "run_tvm.py": runtime.file,
        "0/net.so": tmp_path / "one" / "net.so", "1/net.so": tmp_path / "two" / "net.so",
        "1/net.so.json": tmp_path / "two" / "net.so.json"}
    request = json.loads(job.stdin)
    assert request.pop("protocol") == DEFAULT.to_dict()
    assert request == {"runner": "run_tvm.py", "threads": 2, "interleave": False, "options": {"core": 3},
                       "artifacts": [{"id": "one", "path": "0/net.so"}, {"id": "two", "path": "1/net.so"}]}
    assert job.stdin.endswith("\n") and job.stdin.count("\n") == 1


def test_a_runtime_may_make_its_own_job(order):
    def job(given: Order) -> Job:
        return Job(artifact_files(given.artifacts), ("./run", str(given.threads)))

    assert job_of(replace(load_runtime("mock"), job=job), order).command == ("./run", "2")


def test_a_runtime_may_translate_what_its_job_prints(order):
    def lines(given: Order, printed: Iterator[str]) -> Iterator[str]:
        return (f"{given.threads} {line}" for line in printed)

    assert list(lines_of(replace(load_runtime("mock"), lines=lines), order, iter("ab"))) == ["2 a", "2 b"]
    assert list(lines_of(load_runtime("mock"), order, iter("ab"))) == ["a", "b"]
