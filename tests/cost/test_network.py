from __future__ import annotations

import copy
import json
import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.utils.flop_counter import FlopCounterMode

from edgenas.cost.network import Network, Operator, example_input, trace
from edgenas.errors import UsageError
from edgenas.space.operators import ConvBN, Head, MBConv

from .nets import draws, mobile

VARIANTS: list[dict[str, str]] = [{}, {"squeeze_excite": "true", "activation": "hardswish"}]


def figures(module: nn.Module, *shape: int) -> tuple[int, int, int]:
    network = trace(module, shape)
    return network.macs, network.params, network.peak_elements


def test_convolution_with_batch_norm_by_hand() -> None:
    block = ConvBN(3, 8, 3, stride=2)
    assert figures(block, 3, 8, 8) == (8 * 4 * 4 * 3 * 9, 8 * 3 * 9 + 8, 3 * 64 + 8 * 16)
    (operator,) = trace(block, (3, 8, 8)).operators
    assert operator == Operator("conv2d", "3->8 k3x3 s2 p1 g1 bias relu6", (-1,), (8, 4, 4), 3456, 224)


def test_depthwise_convolution_by_hand() -> None:
    assert figures(nn.Conv2d(6, 6, 5, padding=2, groups=6, bias=False), 6, 4, 4) == (6 * 16 * 25, 150, 2 * 96)
    assert figures(nn.Conv2d(4, 6, (1, 3), groups=2), 4, 5, 5) == (6 * 15 * 2 * 3, 6 * 2 * 3 + 6, 100 + 90)


def test_linear_and_head_by_hand() -> None:
    assert figures(nn.Linear(5, 3), 5) == (15, 18, 8)
    assert figures(nn.Linear(5, 3, bias=False), 5) == (15, 15, 8)
    # 1x1 convolution, pooling, classifier
    assert figures(Head(4, 8, 3), 4, 6, 6) == (8 * 36 * 4 + 24, 8 * 4 + 8 + 27, 4 * 36 + 8 * 36)


def test_inverted_residual_by_hand() -> None:
    macs = 12 * 36 * 4 + 12 * 36 * 9 + 4 * 36 * 12
    params = (4 * 12 + 12) + (12 * 9 + 12) + (12 * 4 + 4)
    waiting = 4 * 36  # the block's input, for the residual
    assert figures(MBConv(4, 4, 3, 3), 4, 6, 6) == (macs, params, waiting + 2 * 12 * 36)
    assert figures(MBConv(4, 4, 3, 3, stride=2), 4, 6, 6)[2] == 4 * 36 + 12 * 36  # none: the expansion is the peak


def test_squeeze_excite_by_hand() -> None:
    hidden, reduced = 12, 8
    macs = 2 * hidden * reduced
    params = 2 * hidden * reduced + hidden + reduced
    plain, squeezed = (figures(MBConv(4, 4, 3, 3, squeeze_excite=s), 4, 6, 6) for s in (False, True))
    assert squeezed[0] - plain[0] == macs
    assert squeezed[1] - plain[1] == params
    assert squeezed[2] == 4 * 36 + 12 * 36 + 12 + 12 * 36  # input, features, gate, product


@pytest.mark.parametrize("options", VARIANTS)
def test_macs_are_half_of_what_torch_counts_as_flops(options: dict[str, str]) -> None:
    space = mobile(**options)
    for architecture in draws(space, 4):
        network = space.build(architecture).eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(example_input(space.input_shape))
        assert 2 * trace(network, space.input_shape).macs == counter.get_total_flops()


@pytest.mark.parametrize("options", VARIANTS)
def test_params_are_those_of_the_network_that_torch_folds(options: dict[str, str]) -> None:
    space = mobile(**options)
    for architecture in draws(space, 4):
        network = space.build(architecture).eval()
        counted = trace(network, space.input_shape).params
        for block in [m for m in network.modules() if isinstance(m, ConvBN)]:
            conv, norm = block[0], block[1]
            assert isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
            block[0], block[1] = fuse_conv_bn_eval(conv, norm), nn.Identity()
        assert counted == sum(p.numel() for p in network.parameters())


@st.composite
def graphs(draw: st.DrawFn) -> Network:
    """Operators with one or two inputs from anywhere before; some results are never used."""
    operators = []
    for step in range(draw(st.integers(1, 8))):
        inputs = draw(st.lists(st.integers(-1, step - 1), min_size=1, max_size=2))
        operators.append(Operator("op", "", tuple(inputs), (draw(st.integers(1, 50)),), 0, 0))
    return Network((draw(st.integers(1, 50)),), tuple(operators))


def simulated_peak(network: Network) -> int:
    """Step by step: allocate the result, look, free what nothing later reads."""
    last = len(network.operators) - 1
    alive = {-1: math.prod(network.input_shape)}
    peak = 0
    for step, operator in enumerate(network.operators):
        def needed(value: int, step: int = step) -> bool:
            return any(value in later.inputs for later in network.operators[step:])

        alive = {value: size for value, size in alive.items() if needed(value) or value == last}
        alive[step] = operator.elements
        peak = max(peak, sum(alive.values()))
    return peak


@given(graphs())
@settings(deadline=None)
def test_peak_memory_is_that_of_a_simulation(network: Network) -> None:
    assert network.peak_elements == simulated_peak(network)


@pytest.mark.parametrize("options", VARIANTS)
def test_peak_memory_of_networks_is_that_of_a_simulation(options: dict[str, str]) -> None:
    space = mobile(**options)
    for architecture in draws(space, 4):
        network = trace(space.build(architecture), space.input_shape)
        assert network.peak_elements == simulated_peak(network)


class Branch(nn.Module):
    """The convolution's own result is needed beside what follows it."""

    def __init__(self, after: nn.Module) -> None:
        super().__init__()
        self.conv, self.after = nn.Conv2d(2, 4, 1), after

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        out: Tensor = y + self.after(y)
        return out


@pytest.mark.parametrize("after", [nn.BatchNorm2d(4), nn.ReLU6()])
def test_what_follows_a_convolution_is_not_fused_where_its_own_result_is_needed(after: nn.Module) -> None:
    network = trace(Branch(after), (2, 3, 3))
    assert [op.kind for op in network.operators] == ["conv2d", type(after).__name__.lower(), "add"]
    assert network.operators[-1].inputs == (0, 1)
    assert network.peak_elements == 3 * 4 * 9
    assert network.params == 2 * 4 + 4 + (8 if isinstance(after, nn.BatchNorm2d) else 0)


def kinds(module: nn.Module, *shape: int) -> list[str]:
    return [op.kind for op in trace(module, shape).operators]


def test_activations_are_fused_into_what_computes_and_else_stand_alone() -> None:
    assert kinds(nn.Sequential(nn.Conv2d(2, 2, 1), nn.ReLU(), nn.ReLU6()), 2, 3, 3) == ["conv2d"]
    assert kinds(nn.Sequential(nn.Linear(2, 2), nn.Hardswish()), 2) == ["linear"]
    assert kinds(nn.Sequential(nn.ReLU(), nn.Conv2d(2, 2, 1)), 2, 3, 3) == ["relu", "conv2d"]
    assert kinds(nn.Sequential(nn.MaxPool2d(2), nn.ReLU()), 2, 4, 4) == ["maxpool2d", "relu"]


def test_batch_norm_is_folded_into_a_convolution_only() -> None:
    assert figures(nn.Sequential(nn.Conv2d(2, 4, 1), nn.BatchNorm2d(4)), 2, 3, 3)[1] == 12
    alone = trace(nn.Sequential(nn.MaxPool2d(2), nn.BatchNorm2d(2)), (2, 4, 4))
    assert [op.kind for op in alone.operators] == ["maxpool2d", "batchnorm2d"]
    assert alone.params == 4


def test_what_moves_no_data_is_no_operator() -> None:
    network = trace(nn.Sequential(nn.Identity(), nn.Dropout(0.5), nn.Conv2d(2, 2, 3), nn.Flatten()), (2, 3, 3))
    assert [op.kind for op in network.operators] == ["conv2d"]
    nothing = trace(nn.Identity(), (2, 3, 3))
    assert (nothing.operators, nothing.macs, nothing.params, nothing.peak_elements) == ((), 0, 0, 0)


def signature(module: nn.Module, shape: tuple[int, ...] = (4, 6, 6)) -> str:
    return trace(module, shape).signature


def test_equal_blocks_have_equal_signatures_whatever_their_weights_and_mode() -> None:
    block = MBConv(4, 4, 3, 3)
    other = MBConv(4, 4, 3, 3).eval()
    nn.init.constant_(other.body.get_submodule("0.0").get_parameter("weight"), 2.0)
    assert signature(block) == signature(other) == signature(copy.deepcopy(block).to("meta"))


@pytest.mark.parametrize("changed", [
    {"kernel": 5}, {"expansion": 4}, {"outputs": 5}, {"stride": 2}, {"activation": "hardswish"},
    {"squeeze_excite": True},
])
def test_different_blocks_have_different_signatures(changed: dict[str, Any]) -> None:
    same: dict[str, Any] = {"outputs": 4, "kernel": 3, "expansion": 3}
    assert signature(MBConv(4, **same)) != signature(MBConv(4, **same | changed))


def test_the_residual_alone_makes_a_difference() -> None:
    block = MBConv(4, 4, 3, 3)
    without = copy.deepcopy(block)
    without.residual = False
    assert signature(block) != signature(without)


CONVOLUTIONS = [
    nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.Conv2d(4, 4, 3),
    nn.Conv2d(4, 4, 3, padding=1, groups=2), nn.Conv2d(4, 4, 3, padding=2, dilation=2),
    nn.Conv2d(4, 4, (1, 3), padding=1), nn.Conv2d(4, 4, (3, 1), padding=1), nn.Conv2d(4, 4, 3, (1, 2), padding=1),
    nn.Conv2d(4, 4, 3, 1, padding=(1, 0)), nn.Conv2d(4, 4, 3, padding=1, dilation=(1, 2)),
]


def test_convolutions_that_differ_in_anything_have_different_signatures() -> None:
    found = [signature(conv) for conv in CONVOLUTIONS]
    assert len(set(found)) == len(found)


def test_the_same_block_on_another_shape_has_another_signature() -> None:
    assert signature(MBConv(4, 4, 3, 3), (4, 6, 6)) != signature(MBConv(4, 4, 3, 3), (4, 6, 7))


def test_functions_count_as_operators_with_their_constants() -> None:
    class Sum(nn.Module):
        def __init__(self, factor: float) -> None:
            super().__init__()
            self.factor = factor

        def forward(self, x: Tensor) -> Tensor:
            return torch.relu(x * self.factor)

    assert kinds(Sum(2.0), 2, 3, 3) == ["mul", "relu"]
    assert signature(Sum(2.0)) != signature(Sum(3.0))


def test_tracing_leaves_the_module_as_it_was() -> None:
    block = MBConv(4, 4, 3, 3).train()
    before = {key: value.clone() for key, value in block.state_dict().items()}
    trace(block, (4, 6, 6))
    assert block.training
    assert all(torch.equal(value, before[key]) for key, value in block.state_dict().items())


def test_what_branches_on_data_is_refused() -> None:
    class Branches(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x if x.sum() > 0 else -x

    with pytest.raises(UsageError, match=r"cannot trace Branches on input \(2, 3, 3\)") as caught:
        trace(Branches(), (2, 3, 3))
    assert "without branches on data" in caught.value.hint


def test_an_input_that_does_not_fit_is_refused() -> None:
    with pytest.raises(UsageError, match=r"cannot trace Conv2d on input \(3, 4, 4\)"):
        trace(nn.Conv2d(2, 2, 1), (3, 4, 4))


def test_the_example_input_is_one_image_that_a_generator_decides() -> None:
    def drawn(seed: int) -> Tensor:
        return example_input((2, 3, 4), torch.Generator().manual_seed(seed))

    assert drawn(0).shape == (1, 2, 3, 4)
    assert torch.equal(drawn(0), drawn(0))
    assert not torch.equal(drawn(0), drawn(1))


@pytest.mark.parametrize("options", VARIANTS)
def test_networks_are_written_and_read_again(options: dict[str, str]) -> None:
    space = mobile(**options)
    network = trace(space.build(draws(space, 1)[0]), space.input_shape)
    assert Network.from_dict(json.loads(json.dumps(network.to_dict()))) == network


def test_multiplications_along_a_series_transposed_ones_and_of_two_activations_are_counted() -> None:
    class Product(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.view(1, 2, 5, 3) @ x.view(1, 2, 3, 5)

    [series] = trace(nn.Sequential(nn.Conv1d(4, 6, 3, 2, 1), nn.BatchNorm1d(6), nn.ReLU()), (4, 10)).operators
    assert (series.kind, series.detail, series.macs) == ("conv1d", "4->6 k3 s2 p1 g1 bias relu", 6 * 5 * 4 * 3)
    [transposed] = trace(nn.ConvTranspose2d(4, 6, 2, 2), (4, 5, 5)).operators
    assert (transposed.shape, transposed.macs) == ((6, 10, 10), 4 * 25 * 6 * 4)
    [product] = trace(Product(), (30,)).operators
    assert (product.inputs, product.shape, product.macs) == ((-1, -1), (2, 5, 5), 2 * 25 * 3)


def test_activations_that_runtimes_execute_by_themselves_are_operators() -> None:
    found = trace(nn.Sequential(nn.Linear(4, 4), nn.GELU(), nn.Linear(4, 4), nn.ReLU()), (4,)).operators
    assert [op.kind for op in found] == ["linear", "gelu", "linear"]
