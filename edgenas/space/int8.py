"""A block that an exported file computes in int8, and what that rounds while the supernet is searched."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

LOW, HIGH = -128, 127
LEAST = 1e-20  # a range of less is nought
RECTIFIERS = (nn.ReLU, nn.ReLU6, F.relu, F.relu6, torch.relu, "relu")


@fx.wrap
def enter_int8(x: Tensor) -> Tensor:
    """From here on a file computes in int8: a mark for those that trace a network, the identity otherwise."""
    return x


@fx.wrap
def leave_int8(x: Tensor) -> Tensor:
    """What `enter_int8` began ends here."""
    return x


class Int8(nn.Module):
    """`block`, marked to be computed in int8. It computes what `block` does, with its very weights.

    simulated: in a supernet, with every weight and value rounded as in the file (export/quantise/quantised.py), and
    gradients that pass the rounding unchanged (straight-through: Bengio et al., arXiv:1308.3432). A value's range is
    that of its batch, not a moving one: what a block is given differs from path to path, and a range that follows one
    path clips another's values.
    """

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.block = block
        self.simulated = False
        self._graph: _Shared | None = None

    def forward(self, x: Tensor) -> Tensor:
        if not self.simulated or isinstance(x, fx.Proxy):
            left: Tensor = leave_int8(self.block(enter_int8(x)))
            return left
        self._graph = self._graph or _Shared(fx.Tracer().trace(self.block))
        return _Rounding(self.block, graph=self._graph.graph).computed(x)

    def simplify(self) -> None:
        """In a network without choices nothing is simulated: its file is what rounds (see space.pick)."""
        self.simulated = False


class _Shared:
    """A traced graph, which copies of a block have in common."""

    def __init__(self, graph: fx.Graph) -> None:
        self.graph = graph

    def __deepcopy__(self, memo: Any) -> _Shared:
        return self


class _Rounding(fx.Interpreter):
    """Runs a block's graph. Batch normalisation and rectifiers round together with the operator before."""

    def computed(self, x: Tensor) -> Tensor:
        output: Tensor = self.run(rounded(x), enable_io_processing=False)
        return output

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        if n.op in ("placeholder", "output") or not isinstance(value, Tensor) or self._is_joined(n):
            return value
        return rounded(value)

    def call_module(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        module = self.fetch_attr(target)
        if not isinstance(module, nn.Conv2d | nn.Linear):
            return super().call_module(target, args, kwargs)
        return torch.func.functional_call(module, {"weight": rounded_by_channel(module.weight)}, args, kwargs)

    def _is_joined(self, node: fx.Node) -> bool:
        """Whether the next operator is a part of this one in the file."""
        if len(node.users) != 1:
            return False
        (user,) = node.users
        kind = self.fetch_attr(str(user.target)) if user.op == "call_module" else user.target
        return isinstance(kind, (nn.BatchNorm2d, *RECTIFIERS[:2])) or kind in RECTIFIERS[2:]


def rounded(value: Tensor) -> Tensor:
    """As int8 holds it: asymmetric, by tensor, from its smallest to its largest element and 0."""
    low, high = value.detach().float().aminmax()
    scale = ((high.clamp(min=0.0) - low.clamp(max=0.0)) / (HIGH - LOW)).clamp(min=LEAST)
    zero = (LOW - low.clamp(max=0.0) / scale).round().clamp(LOW, HIGH).int()
    return torch.fake_quantize_per_tensor_affine(value.float(), scale, zero, LOW, HIGH).to(value.dtype)


def rounded_by_channel(weight: Tensor) -> Tensor:
    """Symmetric, by output channel. A batch normalisation that is folded in later scales a whole channel: it rounds the
    same."""
    steps = (weight.detach().abs().amax(tuple(range(1, weight.ndim))) / HIGH).clamp(min=LEAST)
    none = torch.zeros_like(steps, dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(weight, steps, none, 0, -HIGH, HIGH)
