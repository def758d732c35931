"""What every runtime must do: run a file, say what goes in and out, and be the same on the device."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.check.real_values import RealSession, is_quantised
from edgenas.measure.device import Device
from edgenas.measure.job import Artifact
from edgenas.measure.measure import measure, probe
from edgenas.measure.protocol import Protocol
from edgenas.measure.runtime import Runtime, RuntimeSession, load_runtime

SHAPE, CLASSES = (3, 8, 8), 4
IMAGES = np.random.default_rng(1).standard_normal((1, *SHAPE)).astype(np.float32)
BRIEF = Protocol(calibration_s=0.01, warmup_runs=2, warmup_min_s=0.001, warmup_max_s=0.01, max_rounds=3, runs=5,
                 round_s=0.001)


def network() -> nn.Module:
    """A convolution without bias, so that it gives 0 for 0, and a mean: (n, 3, 8, 8) to (n, 4)."""
    conv = nn.Conv2d(SHAPE[0], CLASSES, 3, padding=1, bias=False)
    with torch.no_grad():
        conv.weight.copy_(torch.randn(conv.weight.shape, generator=torch.Generator().manual_seed(0)))
    return nn.Sequential(conv, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()


class RuntimeContract:
    """Inherit it, and say with the fixture `runtime` which one. `network_file` is `network()` in its format and first
    precision; `expected` what that computes; `packages` what its file may import beside Python and numpy."""

    packages: frozenset[str] = frozenset()

    @pytest.fixture
    def runtime(self) -> str:
        raise NotImplementedError("say with a fixture `runtime` which one is meant")

    @pytest.fixture
    def known(self, runtime: str) -> Runtime:
        return load_runtime(runtime)

    @pytest.fixture
    def network_file(self, known: Runtime, tmp_path: Path) -> Path:
        path, precision = tmp_path / f"net{known.suffix}", known.precisions[0]
        images = torch.randn(64, *SHAPE, generator=torch.Generator().manual_seed(0))
        exporter(known.format).export([Export(network(), images[:1], path, images)], precision=precision)
        return path

    @pytest.fixture
    def device(self, runtime: str) -> Device:
        return Device(name="host", description="this machine", runtimes=(runtime,))

    @pytest.fixture
    def session(self, known: Runtime, network_file: Path, device: Device) -> RuntimeSession:
        return known.open(network_file, 1, **device.settings_of(known.name))

    def expected(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.no_grad():
            output: NDArray[np.float32] = network()(torch.from_numpy(images)).numpy()
        return output

    def tolerance(self, known: Runtime) -> float:
        """How far outputs may lie from PyTorch's; int8: two steps of the output."""
        return 1e-5 if known.precisions[0] == "fp32" else 0.05

    def test_a_session_says_its_signature(self, known: Runtime, session: RuntimeSession) -> None:
        [(name, shape, dtype)], [(_, output, _)] = session.inputs, session.outputs
        last = exporter(known.format).channels_last
        assert name and dtype == {"fp32": "float32"}.get(known.precisions[0], "int8") and output == [1, CLASSES]
        assert shape == ([1, *SHAPE[1:], SHAPE[0]] if last else [1, *SHAPE])

    def test_a_session_computes_what_pytorch_computes(self, known: Runtime, session: RuntimeSession,
                                                      network_file: Path) -> None:
        real = RealSession(session, network_file) if is_quantised(session) else session
        images = IMAGES if real.inputs[0][1] == [1, *SHAPE] else IMAGES.transpose(0, 2, 3, 1)
        [output] = real.run([np.ascontiguousarray(images)])
        np.testing.assert_allclose(output, self.expected(IMAGES), atol=self.tolerance(known))
        [again] = real.run([np.zeros_like(images, order="C")])
        assert not again.any() and output.any()

    def test_invoke_runs_what_was_prepared(self, session: RuntimeSession) -> None:
        session.prepare([np.zeros(session.inputs[0][1], session.inputs[0][2])])
        for _ in range(3):
            session.invoke()

    def test_a_file_of_another_format_is_refused(self, known: Runtime, tmp_path: Path) -> None:
        (tmp_path / "net.other").touch()
        with pytest.raises(ValueError, match="its name does not end in"):
            known.open(tmp_path / "net.other")

    def test_its_version_is_the_same_in_the_worker(self, known: Runtime, device: Device) -> None:
        if known.needs_python:
            assert probe(device, known.name).version == known.version() != ""

    def test_its_file_stands_alone(self, known: Runtime) -> None:
        """Where it is pushed to devices, nothing but Python, numpy and what it runs models with is there."""
        if not known.needs_python:
            return
        tree = ast.parse(known.file.read_text(encoding="utf-8"))
        imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        others = {name.split(".")[0] for name in imported} - set(sys.stdlib_module_names)
        assert others <= {"numpy", *self.packages}

    def test_it_measures(self, known: Runtime, device: Device, network_file: Path) -> None:
        if known.needs_python:
            [found] = measure(device, known.name, [Artifact("a", network_file)], threads=1, protocol=BRIEF)
            assert 0 < found.min_ms <= found.p90_ms
