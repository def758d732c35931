"""A network that computes in float32 what its int8 file will compute: for training it further as it will be rounded.

Every value is rounded to the scale that scales.py gives it, every weight to its channel's; gradients pass the rounding
unchanged and stop at values that are clipped (straight-through: Bengio et al., arXiv:1308.3432; for int8 networks Jacob
et al., arXiv:1712.05877). Batch normalisation is folded before and stays so, unlike there: the trained weights are the
file's own, and exporters take scales and weights from here as they are, so that the file and this module differ only
where an accumulator lies between two int8 steps. Frameworks that insert fake quantisation into PyTorch's graph
(torchao's PT2E) have rules of their own for what shares a scale, which would have to be kept equal to the exporters'.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from edgenas.export.ir.ops import Conv, Linear, Lowered, Op, activated
from edgenas.export.quantise.scale import HIGH, LOW, Scale
from edgenas.export.quantise.scales import Range, scales, weight_scales

KEPT = 0.99
"""Of a range at each training step; the rest comes from the step's images."""


class FakeQuantised(nn.Module):
    """Images (N, ...) -> logits. lowered: as Quantised has it. ranges: of every value, to begin with.

    While it is in training mode, the ranges follow the smallest and largest values of each batch. Parameters are in
    units of the largest weight of their output channel (a bias: times the largest input), so that one learning rate
    suits all: folded weights differ by orders of magnitude from channel to channel.
    """

    lows: Tensor
    highs: Tensor

    def __init__(self, lowered: Lowered, ranges: Mapping[int, Range]) -> None:
        super().__init__()
        self._lowered = lowered
        self._places = {index: place for place, index in enumerate((0, *(op.output for op in lowered.ops)))}
        for side, name in enumerate(("lows", "highs")):
            self.register_buffer(name, torch.tensor([ranges[index][side] for index in self._places]))
        for op in lowered.ops:
            if isinstance(op, Conv | Linear):
                bias = torch.zeros(len(op.weight)) if op.bias is None else torch.from_numpy(op.bias)
                self._adopt(op.output, torch.from_numpy(op.weight), bias, max(map(abs, ranges[op.inputs[0]])))

    def _adopt(self, output: int, weight: Tensor, bias: Tensor, largest: float) -> None:
        unit = weight.abs().amax(tuple(range(1, weight.ndim)), keepdim=True)
        unit[unit == 0] = 1.0
        for name, value, of in (("weight", weight, unit), ("bias", bias, unit.flatten() * (largest or 1.0))):
            self.register_parameter(f"{name}_{output}", nn.Parameter(value / of))
            self.register_buffer(f"{name}_unit_{output}", of)

    def scales(self) -> dict[int, Scale]:
        lows, highs = self.lows.tolist(), self.highs.tolist()
        return scales(self._lowered, {index: (lows[place], highs[place]) for index, place in self._places.items()})

    def lowered(self) -> Lowered:
        """With the weights as they are now, not rounded."""
        return replace(self._lowered, ops=tuple(self._current(op) for op in self._lowered.ops))

    def forward(self, images: Tensor) -> Tensor:
        found = self.scales()
        seen = {0: images}
        values = {0: in_file(images, found.get(0))}
        for op in self._lowered.ops:
            inputs = [values[index] for index in op.inputs]
            made = op.run(*inputs) if not isinstance(op, Conv | Linear) else self._weighted(
                op, inputs[0], found[op.inputs[0]] if op.output in found else None)
            seen[op.output], values[op.output] = made, in_file(made, found.get(op.output))
        if self.training:
            self._follow(seen)
        return values[self._lowered.output]

    def _current(self, op: Op) -> Op:
        if not isinstance(op, Conv | Linear):
            return op
        weight, bias = (value.detach().cpu().numpy() for value in self._weights(op))
        return replace(op, weight=weight, bias=bias)

    def _weights(self, op: Op) -> tuple[Tensor, Tensor]:
        weight, bias = (self.get_parameter(f"{name}_{op.output}") * self.get_buffer(f"{name}_unit_{op.output}")
                        for name in ("weight", "bias"))
        return weight, bias

    def _weighted(self, op: Conv | Linear, value: Tensor, given: Scale | None) -> Tensor:
        """given: of the operator's input; None for an operator in float32."""
        weight, bias = self._weights(op)
        if given is not None:
            limits = weight.detach().cpu().numpy(), bias.detach().cpu().numpy()
            steps = torch.from_numpy(weight_scales(*limits, given)).to(weight.device)
            none = torch.zeros_like(steps, dtype=torch.int32)
            weight = torch.fake_quantize_per_channel_affine(weight, steps, none, 0, -HIGH, HIGH)
            bias = straight_through(bias, steps * given.scale)
        made = op.apply(value, weight, bias)
        return activated(made, op.activation) if op.activation else made

    @torch.no_grad()
    def _follow(self, seen: Mapping[int, Tensor]) -> None:
        limits = [seen[index].aminmax() for index in self._places]
        finite = [torch.where(low.isneginf(), high.clamp(max=0.0), low) for low, high in limits]
        self.lows.lerp_(torch.stack(finite).to(self.lows), 1 - KEPT)
        self.highs.lerp_(torch.stack([high for _, high in limits]).to(self.highs), 1 - KEPT)


def in_file(value: Tensor, scale: Scale | None) -> Tensor:
    """As the file holds it; scale: None for a value in float32."""
    return value if scale is None else rounded(value, scale)


def rounded(value: Tensor, scale: Scale) -> Tensor:
    """As int8 holds it; the gradient is 1 where it is not clipped."""
    return torch.fake_quantize_per_tensor_affine(value, scale.scale, scale.zero_point, LOW, HIGH)


def straight_through(value: Tensor, step: Tensor) -> Tensor:
    """Rounded to whole steps; the gradient is 1."""
    return value + (torch.round(value / step) * step - value).detach()
