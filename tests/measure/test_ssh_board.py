"""An arm64 Debian with sshd: the aarch64 wheels of the runtimes run there. Its speed says nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from board import ssh_board  # noqa: F401  (a fixture)
from onnx import TensorProto, helper, numpy_helper

from edgenas.measure import worker
from edgenas.measure.job import PYTHON, Artifact, Job
from edgenas.measure.measure import measure, probe
from edgenas.measure.runtime import load_runtime
from edgenas.measure.transport import open_transport

pytestmark = pytest.mark.board
RUNTIMES = ("onnxruntime", "litert")

OUTPUTS = """
import json, sys
import worker
runner = worker.load_runner(sys.argv[1])
for path in sys.argv[2:]:
    session = runner.Session(path, 1)
    inputs = [worker.example_input(shape, dtype, 0) for _, shape, dtype in session.inputs]
    print(json.dumps([array.tolist() for array in session.run(inputs)]))
"""


def block(path: Path, kernel: int) -> Path:
    """A depthwise and a pointwise convolution over (1, 8, 12, 12), with ReLU6."""
    random = np.random.default_rng(kernel)
    depthwise = random.standard_normal((8, 1, kernel, kernel)).astype(np.float32)
    pointwise = random.standard_normal((16, 8, 1, 1)).astype(np.float32)
    limits = [numpy_helper.from_array(np.float32(value), f"limit{value}") for value in (0, 6)]
    nodes = [helper.make_node("Conv", ["x", "d"], ["a"], pads=[kernel // 2] * 4, group=8),
             helper.make_node("Clip", ["a", "limit0", "limit6"], ["b"]), helper.make_node("Conv", ["b", "p"], ["y"])]
    graph = helper.make_graph(
        nodes, "block", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 8, 12, 12])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 16, 12, 12])],
        [numpy_helper.from_array(depthwise, "d"), numpy_helper.from_array(pointwise, "p"), *limits])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    return path


@pytest.fixture
def files(request, runtime, tmp_path) -> list[Path]:
    """Three blocks for onnxruntime; one network, three times, for litert."""
    if runtime == "litert":
        return [request.getfixturevalue("tflite_file")] * 3
    return [block(tmp_path / f"{kernel}.onnx", kernel) for kernel in (3, 5, 7)]


def local_outputs(runtime: str, path: Path) -> list[np.ndarray]:
    session = load_runtime(runtime).open(path)
    return list(session.run([worker.example_input(shape, dtype, 0) for _, shape, dtype in session.inputs]))


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_blocks_are_measured_there_and_compute_what_they_compute_here(ssh_board, runtime, files, brief, tmp_path):  # noqa: F811
    device = ssh_board(runtime)
    conditions = probe(device, runtime)
    assert conditions.machine["architecture"] == "aarch64"
    assert conditions.version == load_runtime(runtime).version()
    found = list(measure(device, runtime, [Artifact(str(i), path) for i, path in enumerate(files)], protocol=brief))
    assert [one.id for one in found] == ["0", "1", "2"] and all(one.min_ms > 0 for one in found)

    runner, script = load_runtime(runtime).file, tmp_path / "outputs.py"
    script.write_text(OUTPUTS)
    names = {f"{i}/{path.name}": path for i, path in enumerate(files)}
    job = Job({"outputs.py": script, "worker.py": Path(worker.__file__), runner.name: runner} | names,
              (PYTHON, "outputs.py", runner.name, *names))
    lines = list(open_transport(device).stream(job, 120))
    assert len(lines) == 3
    for path, line in zip(files, lines, strict=True):
        for here, there in zip(local_outputs(runtime, path), json.loads(line), strict=True):
            np.testing.assert_allclose(np.asarray(there, here.dtype), here, rtol=0, atol=1e-4)


def test_nothing_stays_there(ssh_board):  # noqa: F811
    transport = open_transport(ssh_board("onnxruntime"))
    assert "aarch64 over ssh to board" in transport.reach(60)
    [folder] = transport.stream(Job({}, ("pwd",)), 60)
    assert list(transport.stream(Job({}, ("sh", "-c", f"ls -d {folder} 2>&1; exit 0")), 60))[0].endswith(
        "No such file or directory")


def test_a_package_that_it_lacks_is_named(ssh_board):  # noqa: F811
    job = Job({}, (PYTHON, "-c", "import no_such_package"))
    with pytest.raises(Exception, match="python3 on 'board' lacks the package 'no_such_package'"):
        list(open_transport(ssh_board("onnxruntime")).stream(job, 60))
