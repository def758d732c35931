from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgenas.export.package import manifest
from edgenas.export.tvm import tuning
from edgenas.flow.run import Run

from .flows import Finished, copied, edgenas, succeed


@pytest.fixture
def run(counted: Finished, tmp_path: Path) -> Run:
    return Run.open(copied(counted, tmp_path / "run"))


def test_what_was_measured_and_taken_is_in_the_manifest(run: Run, tmp_path: Path, monkeypatch) -> None:
    for name in ("TRIAL_S", "CHOICE_S", "NETWORK_S"):
        monkeypatch.setattr(tuning, name, 0.002)
    result = succeed("export", run.folder, "--format", "tvm", "--tune", "0.05", "--tune-database", tmp_path / "trials")
    assert "kernels are tuned after" in result.err
    artifact = next(a for a in manifest.read(run.artifacts).artifacts if a.format == "tvm")
    assert artifact.tuned is not None and artifact.parity_images > 0
    tried = [json.loads(line) for path in (tmp_path / "trials").iterdir() for line in path.read_text().splitlines()]
    assert len(tried) == artifact.tuned.trials == sum(kernel.trials for kernel in artifact.tuned.kernels) > 0
    assert all(kernel.rule_us > 0 for kernel in artifact.tuned.kernels)


@pytest.mark.parametrize(("options", "words"), [
    (("--format", "onnx", "--tune", "1"), ("none is asked for: onnx", "--format tvm")),
    (("--format", "tvm", "--tune", "-1"), ("--tune -1 is no number of minutes from 0 to 100000",)),
    (("--format", "tvm", "--tune", "nan"), ("--tune nan is no number of minutes from 0 to 100000",)),
    (("--format", "tvm", "--tune", "1", "--target", "aarch64"), ("on this machine, and the target 'aarch64' is",)),
    (("--format", "tvm", "--tune", "1", "--precision", "int8"), ("--tune is for fp32",)),
])
def test_what_cannot_be_tuned_is_refused(options: tuple[str, ...], words: tuple[str, ...], run: Run) -> None:
    before = sorted(run.artifacts.iterdir())
    edgenas("export", run.folder, *options).refused(2, *words)
    assert sorted(run.artifacts.iterdir()) == before
