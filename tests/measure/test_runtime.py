"""The contract of every runtime."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgenas.errors import UsageError
from edgenas.export.check.real_values import RealSession, is_quantised
from edgenas.measure.job import Artifact
from edgenas.measure.measure import measure, probe
from edgenas.measure.runtime import in_caller, load_runtime, precision_for, runtime_names

from .conftest import expected, runtimes, tolerance

IMAGES = np.random.default_rng(1).standard_normal((1, 3, 8, 8)).astype(np.float32)


def pushed() -> list[Any]:
    """Those whose files run on the device."""
    return [given for given in runtimes()
            if not hasattr(load_runtime(str(getattr(given, "values", [given])[0])), "job")]


@pytest.fixture(params=runtimes())
def runtime(request) -> str:
    return request.param


@pytest.fixture
def loaded(runtime, network_file):
    return load_runtime(runtime).Session(str(network_file), 1)


def test_session_says_its_signature(runtime, loaded):
    [(name, shape, dtype)], [(_, output, _)] = loaded.inputs, loaded.outputs
    assert name and dtype == {"fp32": "float32"}.get(precision_for(runtime), "int8") and output == [1, 4]
    assert shape == ([1, 8, 8, 3] if load_runtime(runtime).FORMAT == "tflite" else [1, 3, 8, 8])


def test_session_computes_what_pytorch_computes(runtime, loaded, network_file):
    loaded = RealSession(loaded, network_file) if is_quantised(loaded) else loaded
    images = IMAGES if loaded.inputs[0][1] == [1, 3, 8, 8] else IMAGES.transpose(0, 2, 3, 1)
    [output] = loaded.run([np.ascontiguousarray(images)])
    np.testing.assert_allclose(output, expected(IMAGES), atol=tolerance(runtime))
    [again] = loaded.run([np.zeros_like(images, order="C")])
    assert not again.any() and output.any()


def test_invoke_runs_what_was_prepared(runtime, loaded):
    loaded.prepare([np.zeros(loaded.inputs[0][1], loaded.inputs[0][2])])
    for _ in range(3):
        loaded.invoke()


@pytest.mark.parametrize("runtime", [name for name in runtime_names() if in_caller(load_runtime(name))])
def test_one_that_computes_in_the_calling_thread_spends_that_threads_time(runtime, host, network_file, brief):
    """The network is so small that wall time has undisturbed moments whatever else the machine does."""
    [found] = measure(host, runtime, [Artifact("a", network_file)], threads=1, protocol=brief)
    assert found.cpu_ms == pytest.approx(found.wall_ms, rel=0.2)


def test_only_runtimes_of_this_machines_processor_say_that_they_compute_in_the_calling_thread():
    assert {name for name in runtime_names() if in_caller(load_runtime(name))} == {
        "onnxruntime", "litert", "tvm", "library"}


@pytest.mark.parametrize("runtime", pushed())
def test_version_is_the_same_in_the_worker(host, runtime):
    assert probe(host, runtime).version == load_runtime(runtime).version() != ""


@pytest.mark.parametrize("runtime", [name for name in runtime_names() if not hasattr(load_runtime(name), "job")])
def test_file_stands_alone(runtime):
    """Nothing but the standard library, numpy, the runtime itself and onnx is imported."""
    tree = ast.parse(Path(load_runtime(runtime).__file__).read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    others = {name.split(".")[0] for name in imported} - set(sys.stdlib_module_names)
    assert others <= {"numpy", "onnx", "onnxruntime", "tvm", "ethosu", "tflite_micro", "ai_edge_litert", "flatbuffers"}


def test_unknown_runtime_suggests_the_nearest():
    with pytest.raises(UsageError, match="'onnxrutime' is no known runtime") as caught:
        load_runtime("onnxrutime")
    assert "did you mean 'onnxruntime'?" in caught.value.hint
