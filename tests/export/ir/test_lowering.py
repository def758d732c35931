from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from edgenas.export.ir.lowering import NotLoweredError, lower
from edgenas.export.ir.ops import Add, Conv, Linear, Mean, Reshape
from edgenas.export.tflite.layout import arranged

from ..nets import MBConv, MiniNet, Twice, settled
from ..vocabulary import Applied


def convolutions() -> st.SearchStrategy[tuple[nn.Module, Tensor]]:
    """A convolution of any kind that fits its image, with a batch norm and an activation or without."""
    def build(seed: int, groups: int, ratio: tuple[int, int], kernel, stride, padding, dilation, side, tail) -> tuple:
        torch.manual_seed(seed)
        inputs, outputs = groups * ratio[0], groups * ratio[1]
        conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, groups, bias=tail % 2 == 0)
        tails = [[], [nn.BatchNorm2d(outputs)], [nn.ReLU6()], [nn.BatchNorm2d(outputs), nn.Hardsigmoid()]]
        reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
        image = torch.randn(1, inputs, *(max(s, r) for s, r in zip(side, reach, strict=True)))
        return settled(nn.Sequential(conv, *tails[tail])).eval(), image

    pair = st.tuples
    return st.builds(build, st.integers(0, 99), st.integers(1, 4), pair(st.integers(1, 2), st.integers(1, 3)),
                     pair(st.integers(1, 5), st.integers(1, 5)), pair(st.integers(1, 3), st.integers(1, 3)),
                     pair(st.integers(0, 3), st.integers(0, 3)), pair(st.integers(1, 2), st.integers(1, 2)),
                     pair(st.integers(1, 9), st.integers(1, 9)), st.integers(0, 3))


@settings(deadline=None)
@given(convolutions())
def test_lowered_and_arranged_a_convolution_computes_the_same(drawn: tuple[nn.Module, Tensor]) -> None:
    module, image = drawn
    expected = module(image).detach()
    lowered = lower(module, image)
    for form in (lowered, arranged(lowered)):
        *_, (index, found) = form.run(image)
        assert index == form.output
        assert form.shapes[index] == expected.shape
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5 * float(expected.abs().max()) + 1e-9)
        assert all(form.shapes[value] == tuple(made.shape) for value, made in form.run(image))


def test_norms_and_activations_are_taken_in() -> None:
    found = lower(settled(MiniNet()).eval(), torch.randn(1, 3, 20, 28))
    assert [type(op) for op in found.ops[-4:]] == [Conv, Mean, Reshape, Linear]
    assert found.ops[0].activation == "relu6"
    assert found.ops[0].bias is not None
    assert sum(isinstance(op, Conv) for op in found.ops) == 13


def test_a_module_in_two_places_is_folded_in_each() -> None:
    module = Twice(settled(nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)))).eval()
    image = torch.randn(2, 4, 5, 5)
    *_, (_, found) = lower(module, image[:1]).run(image)
    torch.testing.assert_close(found, module(image).detach(), rtol=1e-4, atol=1e-5)


def test_what_is_used_twice_is_not_taken_in() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.relu = nn.Conv2d(4, 4, 1), nn.ReLU()

        def forward(self, x: Tensor) -> Tensor:
            made = self.conv(x)
            return made + self.relu(made)

    conv, relu, add = lower(Net(), torch.randn(1, 4, 3, 3)).ops
    assert (conv.activation, type(add)) == (None, Add)
    assert relu.inputs == (conv.output,)


def test_a_norm_of_what_has_another_user_is_outside() -> None:
    norm = nn.BatchNorm2d(4).eval()
    conv = nn.Conv2d(4, 4, 1)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = conv, norm

        def forward(self, x: Tensor) -> Tensor:
            made = self.conv(x)
            return made + self.norm(made)

    with pytest.raises(NotLoweredError, match="BatchNorm2d without a convolution of its own"):
        lower(Net(), torch.randn(1, 4, 3, 3))


def test_operators_that_the_output_does_not_need_are_left_out() -> None:
    def forward(x: Tensor) -> Tensor:
        torch.sigmoid(x)
        return torch.relu(x)

    assert len(lower(Applied(forward), torch.randn(1, 3)).ops) == 1


def test_a_hook_is_not_overlooked() -> None:
    module = nn.Sequential(nn.Conv2d(4, 4, 1))
    module[0].register_forward_hook(lambda part, given, made: made * 2)
    with pytest.raises(NotLoweredError, match="computes something else"):
        lower(module, torch.randn(1, 4, 3, 3))


def test_a_change_in_place_is_not_overlooked() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.relu = nn.Conv2d(4, 4, 1), nn.ReLU(inplace=True)

        def forward(self, x: Tensor) -> Tensor:
            made = self.conv(x)
            return self.relu(made) + made

    with pytest.raises(NotLoweredError, match="computes something else"):
        lower(Net(), torch.randn(1, 4, 3, 3))


def test_the_module_is_left_as_it_was() -> None:
    block = settled(MBConv(4, 4, 3)).eval()
    before = {name: value.clone() for name, value in block.state_dict().items()}
    lower(block, torch.randn(1, 4, 5, 5))
    assert all(value.equal(before[name]) for name, value in block.state_dict().items())
    assert all(parameter.requires_grad for parameter in block.parameters())
