from __future__ import annotations

import time
from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgenas.errors import DeviceError
from edgenas.measure.device import Device, load_device
from edgenas.measure.job import Artifact
from edgenas.measure.measure import measure, probe
from edgenas.measure.runtimes import run_litert_gpu

GPU = Device(name="gpu", description="a GPU", runtimes=("litert_gpu", "litert"))


def test_ships_as_a_device():
    assert load_device("gpu").runtimes == ("litert_gpu", "onnxruntime_cuda")


def test_without_a_gpu_it_says_so_and_measures_nothing(monkeypatch, tmp_path, brief):
    monkeypatch.setenv("VK_ICD_FILENAMES", "/nonexistent")
    with pytest.raises(DeviceError, match="LiteRT finds no GPU .*No adapters found") as caught:
        probe(GPU, "litert_gpu")
    assert "\n" not in caught.value.message
    (tmp_path / "net.tflite").write_bytes(run_litert_gpu._one_relu())
    with pytest.raises(DeviceError, match="LiteRT finds no GPU"):
        list(measure(GPU, "litert_gpu", [Artifact("a", tmp_path / "net.tflite")], protocol=brief))


@pytest.mark.gpu
def test_measures_and_says_on_what(tflite_file, brief):
    [found] = measure(GPU, "litert_gpu", [Artifact("a", tflite_file)], protocol=brief)
    assert found.min_ms > 0
    machine = probe(GPU, "litert_gpu").machine
    accelerator = machine["accelerator"]
    assert accelerator["name"] and accelerator["backend"]
    assert accelerator["software"] == ("swiftshader" in accelerator["name"].lower())
    assert machine["id"] != probe(GPU, "litert").machine["id"], "the processor is another machine"


@pytest.mark.gpu
def test_a_run_ends_when_the_gpu_has_finished(tmp_path):
    """A result read after the run takes no time any more."""
    session = run_litert_gpu.Session(str(convolutions(tmp_path)), 1)
    session.prepare([np.ones(session.inputs[0][1], np.float32)])
    session.invoke()
    start = time.perf_counter()
    session.invoke()
    ran = time.perf_counter()
    for read, count, dtype in session._reads:
        read(count, dtype)
    assert time.perf_counter() - ran < 0.2 * (ran - start)


@pytest.mark.gpu
def test_an_operator_that_the_gpu_does_not_take_is_an_error_never_a_figure_of_the_processor(tmp_path, brief):
    operators = schema.BuiltinOperator
    for codes in ([operators.ZEROS_LIKE], [operators.RELU, operators.ZEROS_LIKE, operators.RELU6]):
        path = tmp_path / "net.tflite"
        path.write_bytes(chain(codes))
        with pytest.raises(DeviceError, match="the GPU does not take all of its operators: ZEROS_LIKE: "):
            list(measure(GPU, "litert_gpu", [Artifact("a", path)], protocol=brief))


@pytest.mark.parametrize(("full", "places"), [(False, [26]), (True, [1])])
def test_what_litert_says_ran_is_checked(full, places):
    class Model:
        def is_fully_accelerated(self):
            return full

        def get_output_buffer_requirements(self, index):
            return {"supported_types": places}

    with pytest.raises(RuntimeError, match="would run on the processor"):
        run_litert_gpu._check(Model(), 1)


@pytest.mark.gpu
def test_the_log_is_not_shown(tflite_file, capfd):
    run_litert_gpu._opened.cache_clear()
    session = run_litert_gpu.Session(str(tflite_file), 1)
    session.run([np.zeros(session.inputs[0][1], np.float32)])
    assert "Selected adapter" not in capfd.readouterr().err


def test_software_gpus_are_known_by_name_or_kind():
    for name in ("SwiftShader Device (Subzero)", "llvmpipe (LLVM 15.0.6, 256 bits)", "CPU / Software"):
        assert run_litert_gpu.SOFTWARE.search(name)
    for name in ("Mali-G78", "NVIDIA GeForce RTX 4090 DiscreteGPU", "V3D 7.1 IntegratedGPU"):
        assert not run_litert_gpu.SOFTWARE.search(name)


def test_the_model_that_opens_the_gpu_is_one_relu(tmp_path):
    from edgenas.measure.runtimes.run_litert import Session
    path = tmp_path / "relu.tflite"
    path.write_bytes(run_litert_gpu._one_relu())
    [result] = Session(str(path), 1).run([np.array([[[[-1, 0, 1, 2]]]], np.float32)])
    assert result.ravel().tolist() == [0, 0, 1, 2]


def chain(codes: list[int]) -> bytes:
    """A model of operators of one input and one output, one after the other."""
    model = schema.ModelT.InitFromPackedBuf(run_litert_gpu._one_relu())
    graph = model.subgraphs[0]
    model.operatorCodes, graph.operators, graph.tensors = [], [], graph.tensors[:1]
    for index, number in enumerate(codes):
        code, operator, tensor = schema.OperatorCodeT(), schema.OperatorT(), schema.TensorT()
        code.builtinCode = code.deprecatedBuiltinCode = number
        operator.opcodeIndex, operator.inputs, operator.outputs = index, [index], [index + 1]
        tensor.name, tensor.shape = f"y{index}", [1, 1, 1, 4]
        model.operatorCodes.append(code)
        graph.operators.append(operator)
        graph.tensors.append(tensor)
    graph.outputs = [len(codes)]
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def convolutions(folder: Path) -> Path:
    """Large enough that a GPU is busy for longer than it takes to ask it."""
    import torch

    from edgenas.export import exporter
    from edgenas.export.base import Export
    layers = [torch.nn.Conv2d(3 if first else 32, 32, 3, padding=1) for first in (True, False)]
    path = folder / "net.tflite"
    exporter("tflite").export([Export(torch.nn.Sequential(*layers).eval(), torch.zeros(1, 3, 32, 32), path)])
    return path
