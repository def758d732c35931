from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgenas.measure.runtimes import run_mock


def save(path, nodes, inputs, outputs, weights):
    def described(shapes):
        return [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    graph = helper.make_graph(nodes, "g", described(inputs), described(outputs),
                              [numpy_helper.from_array(np.ones(shape, np.float32), name)
                               for name, shape in weights.items()])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    return str(path)


def latency_ms(path: str) -> float:
    session = run_mock.Session(path, 1)
    start = run_mock.clock()
    session.invoke()
    return (run_mock.clock() - start) * 1e3


@pytest.mark.parametrize(("node", "inputs", "outputs", "weights", "macs"), [
    (helper.make_node("Conv", ["x", "w"], ["y"], strides=[2, 2], pads=[1] * 4),
     {"x": [1, 8, 9, 9]}, {"y": [1, 16, 5, 5]}, {"w": [16, 8, 3, 3]}, 16 * 5 * 5 * 8 * 9),
    (helper.make_node("Conv", ["x", "w"], ["y"], group=8, pads=[2] * 4),
     {"x": [1, 8, 6, 6]}, {"y": [1, 8, 6, 6]}, {"w": [8, 1, 5, 5]}, 8 * 6 * 6 * 25),
    (helper.make_node("Gemm", ["x", "w"], ["y"]), {"x": [1, 30]}, {"y": [1, 7]}, {"w": [30, 7]}, 210),
    (helper.make_node("Gemm", ["x", "w"], ["y"], transA=1, transB=1),
     {"x": [30, 2]}, {"y": [2, 7]}, {"w": [7, 30]}, 420),
    (helper.make_node("MatMul", ["x", "w"], ["y"]), {"x": [1, 3, 5, 4]}, {"y": [1, 3, 5, 6]}, {"w": [4, 6]}, 360),
    (helper.make_node("Relu", ["x"], ["y"]), {"x": [1, 30]}, {"y": [1, 30]}, {}, 0),
])
def test_formula(tmp_path, node, inputs, outputs, weights, macs):
    path = save(tmp_path / "net.onnx", [node], inputs, outputs, weights)
    assert latency_ms(path) == pytest.approx(0.02 + 0.004 + macs / 2e9 * 1e3, abs=1e-9)


def test_constants_and_identities_are_free(tmp_path):
    value = numpy_helper.from_array(np.ones(3, np.float32))
    nodes = [helper.make_node("Constant", [], ["c"], value=value), helper.make_node("Identity", ["x"], ["i"]),
             helper.make_node("Add", ["i", "c"], ["s"]), helper.make_node("Relu", ["s"], ["y"])]
    path = save(tmp_path / "net.onnx", nodes, {"x": [3]}, {"y": [3]}, {})
    assert latency_ms(path) == pytest.approx(0.02 + 2 * 0.004, abs=1e-9)


def test_a_shape_inside_the_network_is_inferred(tmp_path):
    nodes = [helper.make_node("Relu", ["x"], ["r"]), helper.make_node("MatMul", ["r", "w"], ["m"]),
             helper.make_node("MatMul", ["m", "v"], ["y"])]
    path = save(tmp_path / "net.onnx", nodes, {"x": [2, 3]}, {"y": [2, 5]}, {"w": [3, 4], "v": [4, 5]})
    assert latency_ms(path) == pytest.approx(0.02 + 3 * 0.004 + (24 + 40) / 2e6, abs=1e-9)


def test_a_shape_that_is_not_fixed_is_refused(tmp_path):
    nodes = [helper.make_node("Relu", ["x"], ["y"])]
    path = save(tmp_path / "net.onnx", nodes, {"x": ["batch", 3]}, {"y": ["batch", 3]}, {})
    with pytest.raises(ValueError, match="of 'x' is not fixed"):
        run_mock.Session(path, 1)
