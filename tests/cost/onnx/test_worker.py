"""A stranger's file: bounded before anything is computed, and read by a process that ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import onnx
import pytest
from onnx import FunctionProto, helper

from edgenas.cost.onnx import tensors
from edgenas.cost.onnx.checks import MOST_NODES, check_expansion
from edgenas.cost.onnx.file import failed, read_plain
from edgenas.cost.onnx.tensors import large
from edgenas.errors import DeviceError, FileError, UsageError
from edgenas.measure.process import Ended, Silent

from ..onnx_files import model, numbers, read, weight

NODE = helper.make_node


def chain(length: int, calls: int) -> onnx.ModelProto:
    """Functions of which each calls the one before it so many times."""
    found: list[FunctionProto] = []
    for i in range(length):
        kind, domain = (f"f{i - 1}", "mine") if i else ("Relu", "")
        names = ["a", *(f"t{i}_{n}" for n in range(calls - 1)), "b"]
        nodes = [NODE(kind, [a], [b], domain=domain) for a, b in zip(names, names[1:], strict=False)]
        found.append(helper.make_function("mine", f"f{i}", ["a"], ["b"], nodes,
                                          [helper.make_opsetid("", 17), helper.make_opsetid("mine", 1)]))
    return model([NODE(f"f{length - 1}", ["x"], ["y"], domain="mine")], domains=["mine"], functions=found)


def test_functions_that_would_never_end_are_refused_before_they_are_written_out() -> None:
    for of, message in ((chain(27, 2), r"has \d{9} nodes once its functions are written out; at most 200000"),
                        (chain(3000, 1), "call each other more than 100 levels deep")):
        with pytest.raises(UsageError, match=message):
            check_expansion(of, Path("net.onnx"))
    itself = chain(2, 1)
    itself.functions[0].node[0].op_type, itself.functions[0].node[0].domain = "f1", "mine"
    with pytest.raises(UsageError, match="the function 'f1' of net.onnx calls itself"):
        check_expansion(itself, Path("net.onnx"))
    assert len(read(chain(4, 2)).network.operators) == 16


def external(folder: Path) -> Path:
    path = folder / "net.onnx"
    nodes = [NODE("Conv", ["x", "w", "b"], ["c"]), NODE("Reshape", ["c", "s"], ["r"]),
             NODE("MatMul", ["r", "m"], ["y"])]
    constants = [weight("w", 8, 3, 3, 3), weight("b", 8), numbers("s", 1, -1), weight("m", 1568, 10)]
    onnx.save(model(nodes, constants), path, save_as_external_data=True, location="net.data", size_threshold=0)
    return path


def test_of_data_in_other_files_only_small_constants_are_read(tmp_path: Path) -> None:
    path = external(tmp_path)
    found = read(onnx.load(path, load_external_data=False), path)
    assert [op.detail for op in found.network.operators] == ["3->8 k3x3 s1 p0 g1 bias", "1568->10"]
    assert found.params == 224 + 15680
    (tmp_path / "net.data").unlink()
    with pytest.raises(FileError, match="cannot read .*net.data: No such file"):
        read(onnx.load(path, load_external_data=False), path)


@pytest.mark.parametrize("place", ["../secret", "/etc/passwd", "link"])
def test_data_outside_the_folder_is_refused(place: str, tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    path = external(inner)
    (tmp_path / "secret").write_bytes((inner / "net.data").read_bytes())
    (inner / "link").symlink_to(tmp_path / "secret")
    of = onnx.load(path, load_external_data=False)
    for tensor in of.graph.initializer:
        next(entry for entry in tensor.external_data if entry.key == "location").value = place
    with pytest.raises(UsageError, match="outside its folder"):
        read(of, path)


def test_the_largest_constants_are_known_by_their_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    of = model([NODE("MatMul", ["x", "w"], ["m"]), NODE("Add", ["m", "v"], ["y"])],
               [weight("w", 16, 16), weight("v", 16)])
    assert large(of) == set()
    monkeypatch.setattr(tensors, "KEPT", 500)
    assert large(of) == {"w"}
    assert [op.detail for op in read(of).network.operators] == ["16->16 bias"]


def test_a_pipe_is_refused_without_waiting_and_an_empty_file_by_name(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileError, match="is a pipe, not a regular file"):
        read_plain(tmp_path / "pipe")
    (tmp_path / "empty.onnx").write_bytes(b"")
    with pytest.raises(UsageError, match="is no valid ONNX model: it has no graph"):
        read_plain(tmp_path / "empty.onnx")


def test_more_nodes_than_any_network_has_are_refused_at_once() -> None:
    of = model([])
    of.graph.node.extend([onnx.NodeProto()] * (MOST_NODES + 1))
    with pytest.raises(UsageError, match="has 200001 nodes; at most 200000 are read"):
        check_expansion(of, Path("net.onnx"))


def test_the_process_that_reads_has_limits() -> None:
    script = ("from edgenas.cost.onnx.worker import MEMORY, confine\n"
              "confine(0)\n"
              "try: bytearray(2 * MEMORY)\n"
              "except MemoryError: print('refused')")
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout == "refused\n"


@pytest.mark.parametrize(("error", "words"), [
    (Ended("the worker was killed", status=-11), "the libraries onnx and onnxruntime crashed on it"),
    (Ended("the worker was killed", status=-24), "took longer than 60 s to read and was given up"),
    (Silent("the worker gave no result"), "took longer than 60 s to read and was given up"),
    (Ended("the worker ended with exit status 1", status=1), "cannot be read: the worker ended with exit status 1"),
])
def test_what_became_of_that_process_is_said(error: DeviceError, words: str) -> None:
    assert words in failed(Path("net.onnx"), error).message
