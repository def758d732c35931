from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import tvm
from torch import Tensor, nn
from torch.fx import GraphModule
from tvm.relax.backend.cpu_generic import pipeline

from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.exporters import binary
from edgenas.export.exporters.binary import compile_kernels
from edgenas.export.exporters.tvm import relax_module
from edgenas.export.ir.tracing import trace
from edgenas.export.native.aot import ALIGNMENT, kernels, lower, plan

from ..nets import MBConv, settled
from ..programs import predictor

TARGET = tvm.target.Target({"kind": "llvm", "mtriple": "aarch64-linux-gnu"})


class Shuffle(nn.Module):
    """An operator with several outputs, and a weight that is no float."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 1)
        self.register_buffer("order", torch.tensor([3, 0, 2, 1]))

    def forward(self, x: Tensor) -> Tensor:
        first, second = x.chunk(2, 1)
        return torch.cat([self.conv(first), second], 1)[:, self.order]


def relax(module: nn.Module, *shape: int) -> tvm.IRModule:
    item = Export(module, torch.randn(1, *shape), Path("net.bin"))
    return relax_module(item, trace([item]))


def test_a_block_is_a_list_of_calls_on_aligned_memory() -> None:
    torch.manual_seed(0)
    block = settled(MBConv(8, 8, 3))
    found = plan(lower(relax(block, 8, 6, 6), TARGET))
    assert len(found.calls) == 3
    assert (found.input.shape, found.output.shape) == ((1, 8, 6, 6), (1, 8, 6, 6))
    buffers = [buffer for call in found.calls for buffer in call.arguments]
    assert found.input in buffers and found.output == found.calls[-1].arguments[-1]
    assert all(buffer.offset % ALIGNMENT == 0 for buffer in buffers)
    ends = {place: max(buffer.offset + 4 * buffer.count for buffer in buffers if buffer.place == place)
            for place in ("memory", "weights")}
    assert ends["memory"] <= found.memory < ends["memory"] + ALIGNMENT
    assert ends["weights"] <= len(found.weights) < ends["weights"] + ALIGNMENT
    weights = np.frombuffer(found.weights, np.float32)
    assert {"weights", "memory"} == {buffer.place for buffer in buffers}
    assert np.isfinite(weights).all() and weights.std() > 0


def test_memory_is_used_again() -> None:
    chain = nn.Sequential(*(nn.Conv2d(4, 4, 3, padding=1) for _ in range(6)))
    found = plan(lower(relax(chain, 4, 16, 16), TARGET))
    assert found.memory == 4 * 4 * 16 * 16 * 4  # input, output and two between


def test_a_module_without_an_operator_gives_back_its_input() -> None:
    found = plan(lower(relax(nn.Identity(), 4, 3), TARGET))
    assert found.output == found.input
    assert found.calls == ()


def test_a_call_of_tvms_runtime_is_refused() -> None:
    class Best(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.topk(x, 2)[0]

    with pytest.raises(NotImplementedError, match=r"operator tvm\.contrib\.sort\.topk is not supported"):
        kernels(lower(relax(Best(), 5), TARGET))


def test_several_outputs_and_whole_number_weights(tmp_path: Path) -> None:
    torch.manual_seed(0)
    item = Export(Shuffle(), torch.randn(1, 4, 3, 3), tmp_path / "net.bin")
    exporter("binary").export([item])
    images = torch.randn(2, 4, 3, 3)
    with torch.no_grad():
        np.testing.assert_allclose(predictor(item.path)(images.numpy()), item.module(images).numpy(), atol=1e-6)


def test_kernels_that_were_scheduled_before_keep_their_schedule(tmp_path: Path, monkeypatch) -> None:
    """Here in parallel loops and with memory of their own, which ask the runtime for tasks and workspace."""
    scheduled: list[str] = []

    def parallel(item: Export, graph: GraphModule) -> tvm.IRModule:
        target = tvm.target.Target({"kind": "llvm"})
        with target:
            module = tvm.transform.Sequential(pipeline.legalize_passes(target))(relax_module(item, graph))
        for name, function in list(module.functions.items()):
            if isinstance(function, tvm.tirx.PrimFunc):
                schedule = tvm.s_tir.Schedule(tvm.IRModule({"main": function}))
                for block in schedule.get_child_blocks(schedule.get_sblock("root")):
                    schedule.parallel(schedule.get_loops(block)[1])
                module[name] = schedule.mod["main"].with_attr("tirx.is_scheduled", True)
                scheduled.append(name.name_hint)
        return module

    torch.manual_seed(0)
    item = Export(settled(MBConv(8, 8, 3)), torch.randn(1, 8, 40, 40), tmp_path / "net.bin")
    monkeypatch.setattr(binary, "relax_module", parallel)
    keep: list[bytes] = []
    monkeypatch.setattr(binary, "compile_kernels", lambda module, chosen, path: (
        compile_kernels(module, chosen, path), keep.append(path.read_bytes()))[0])
    exporter("binary").export([item])
    assert len(scheduled) == 3
    assert b"__TVMBackendParallelLaunch" in keep[0] and b"__TVMBackendAllocWorkspace" in keep[0]
    images = torch.randn(3, 8, 40, 40)
    with torch.no_grad():
        np.testing.assert_allclose(predictor(item.path)(images.numpy()), item.module.eval()(images).numpy(),
                                   rtol=1e-4, atol=1e-5)
