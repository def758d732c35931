from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from edgenas.errors import ExportError
from edgenas.export.base import Export
from edgenas.export.ir.tracing import examples, output_shapes, trace

from ..nets import MBConv, MiniNet, settled


class Applied(nn.Module):
    def __init__(self, function) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def item(module: nn.Module, *shape: int) -> Export:
    return Export(module, torch.randn(1, *shape), Path("net.onnx"))


def message(refused: Export) -> str:
    with pytest.raises(ExportError) as caught:
        trace([refused])
    assert "\n" not in caught.value.message
    assert caught.value.message.startswith("net.onnx: ")
    return caught.value.message


def test_the_graph_computes_every_module() -> None:
    shared = settled(MBConv(8, 8, 3))
    items = [item(settled(MiniNet()), 3, 24, 24), item(shared, 8, 6, 6), item(shared, 8, 9, 9)]
    graph = trace(items)
    outputs = graph(*examples(items))
    assert output_shapes(graph) == [tuple(output.shape) for output in outputs]
    for one, output in zip(items, outputs, strict=True):
        torch.testing.assert_close(output, one.module.eval()(one.example), rtol=1e-4, atol=1e-5)


def test_the_module_is_left_as_it_was() -> None:
    net = settled(MiniNet()).to(memory_format=torch.channels_last)
    net[3].eval()
    modes = [part.training for part in net.modules()]
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    trace([item(net, 3, 24, 24)])
    assert [part.training for part in net.modules()] == modes
    assert all(parameter.requires_grad for parameter in net.parameters())
    for name, tensor in net.state_dict().items():
        assert tensor.equal(before[name]) and tensor.stride() == before[name].stride()


def test_the_mode_is_restored_after_a_failure() -> None:
    module = nn.Sequential(nn.Dropout(), nn.Linear(3, 3))
    message(item(module, 4))
    assert module.training


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["3.body.3.weight", "3.body.4.running_var"])
def test_weights_that_are_not_finite_are_refused_by_name(name: str, value: float) -> None:
    net = settled(MiniNet())
    net.state_dict()[name].view(-1)[2] = value
    assert repr(name) in message(item(net, 3, 24, 24))


def test_a_module_that_does_not_take_the_example_is_refused() -> None:
    assert "fails on an input of shape (1, 3, 4, 4)" in message(item(nn.Conv2d(5, 5, 1), 3, 4, 4))


@pytest.mark.parametrize("example", [torch.zeros(2, 3), torch.zeros(1, 3, dtype=torch.float64), torch.zeros(())])
def test_an_example_of_another_kind_is_refused(example: Tensor) -> None:
    assert "float32 of shape (1, ...)" in message(Export(nn.Identity(), example, Path("net.onnx")))


@pytest.mark.parametrize("function", [lambda x: (x, x), lambda x: x.argmax(1), lambda x: x.flatten(), torch.sum])
def test_an_output_of_another_kind_is_refused(function) -> None:
    assert "float32 tensor of shape (1, ...)" in message(item(Applied(function), 3, 4))


def test_an_output_that_ignores_the_input_is_refused() -> None:
    assert "does not depend on the input" in message(item(Applied(lambda x: torch.ones(1, 3)), 3))


@pytest.mark.parametrize("function", [
    lambda x: x if x.sum() > 0 else -x,
    lambda x: x * float(x.sum().item()),
])
def test_a_branch_on_the_input_is_refused(function, capfd) -> None:
    assert "depends on the input's values" in message(item(Applied(function), 3))
    assert capfd.readouterr() == ("", "")


def test_a_shape_that_depends_on_the_input_names_the_operator() -> None:
    said = message(item(Applied(lambda x: x[x > 0].sum().view(1, 1)), 3))
    assert "shape of operator aten.index.Tensor depends on the input's values" in said
