"""What a trained network would lose without each of its channels and blocks, from one pass over some images.

The rise of the loss without a channel, or without a residual block's branch, alone: ½E[(∂L/∂gate)²], where the gate
multiplies what is left out and is one, and the labels are drawn from the network's own outputs. That is the diagonal of
the Fisher information, the second-order term of the loss at its minimum (Theis et al., arXiv:1801.05787; Molchanov et
al., arXiv:1906.10771). Channels are gated where they are read, as leaving them out does. What several channels lose is
taken as the sum of what each does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from edgenas.space.elastic import ABSENT, Block, Elastic
from edgenas.space.traced.layouts import Span
from edgenas.space.traced.trace import path_of

IMAGES = 1000
BATCH = 50


@dataclass(frozen=True)
class Importance:
    """By how much the loss is estimated to rise, in nats: channels, by group, without each; blocks, by name, without
    the branch."""

    channels: Mapping[int, Tensor]
    blocks: Mapping[str, float]

    def tensors(self) -> dict[str, Tensor]:
        """To be kept in a file of safetensors."""
        return {f"channels.{group}": value for group, value in self.channels.items()} | {
            f"blocks.{name}": torch.tensor(value, dtype=torch.float64) for name, value in self.blocks.items()}

    @classmethod
    def of_tensors(cls, tensors: Mapping[str, Tensor]) -> Importance:
        named = {kind: {key.removeprefix(f"{kind}."): value for key, value in tensors.items()
                        if key.startswith(f"{kind}.")} for kind in ("channels", "blocks")}
        return cls({int(group): value for group, value in named["channels"].items()},
                   {name: float(value) for name, value in named["blocks"].items()})


def importance_of(elastic: Elastic, images: Tensor, seed: int = 0) -> Importance:
    """images: (N, C, H, W) as the network takes them."""
    gated = _Gated(elastic)
    generator = torch.Generator().manual_seed(seed)
    with _alone(gated.module):
        for batch in torch.split(images, BATCH):
            logits = gated.run(batch.clone().requires_grad_())
            labels = torch.multinomial(logits.detach().softmax(1), 1, generator=generator)[:, 0]
            torch.autograd.backward(F.cross_entropy(logits, labels, reduction="sum"))
            gated.square()
    return Importance({group: total / (2 * len(images)) for group, total in gated.channels.items()},
                      {name: total / (2 * len(images)) for name, total in gated.blocks.items()})


def ranked(elastic: Elastic, importance: Importance) -> Elastic:
    """The same network, its channels in the order of their importance, and what each candidate loses.

    Raises: ValueError or KeyError where the importance is of another network.
    """
    for group, value in importance.channels.items():
        if tuple(value.shape) != (elastic.groups.size[group],):
            raise ValueError(f"group {group} has {elastic.groups.size[group]} channels, not {tuple(value.shape)}")
    order = {group: torch.argsort(value, descending=True, stable=True) for group, value in importance.channels.items()}
    return replace(elastic, order=order, rises={block.name: _rises(block, order, importance)
                                                for block in elastic.blocks})


def _rises(block: Block, order: Mapping[int, Tensor], importance: Importance) -> dict[str, float]:
    found = {name: sum(float(importance.channels[group][order[group][count:]].sum()) for group, count in sizes.items())
             for name, sizes in block.sizes.items()}
    return found | ({ABSENT: importance.blocks[block.name]} if block.absent is not None else {})


@contextmanager
def _alone(module: nn.Module) -> Iterator[None]:
    """In evaluation mode, with gradients of values and none of weights."""
    asked = [parameter for parameter in module.parameters() if parameter.requires_grad]
    module.eval()
    for parameter in asked:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in asked:
            parameter.requires_grad_(True)


class _Gated(fx.Interpreter):
    """Runs the network and learns, of every image of a batch, the loss's gradient by each gate."""

    def __init__(self, elastic: Elastic) -> None:
        owner = elastic.traced.image.graph.owning_module
        assert owner is not None
        super().__init__(owner)
        wanted = {group for block in elastic.blocks for sizes in block.sizes.values() for group in sizes}
        self.readers: dict[fx.Node, tuple[Span, ...]] = {
            node: layer.reads for layer in elastic.groups.layers.values() if layer.kind in ("conv", "linear")
            for node in layer.nodes if any(span.group in wanted for span in layer.reads)}
        self.sums = {block.segment.skip: (block.segment.branch, block.name) for block in elastic.blocks
                     if block.absent is not None and block.segment.skip is not None}
        self.channels = {group: torch.zeros(elastic.groups.size[group], dtype=torch.float64) for group in wanted}
        self.blocks = {name: 0.0 for _, name in self.sums.values()}
        self.layouts = {path_of(node): elastic.groups.layouts[node.all_input_nodes[0]].axis for node in self.readers}
        self.forget()

    def forget(self) -> None:
        self.by_channel: dict[int, Tensor] = {}
        self.by_block: dict[str, Tensor] = {}

    def square(self) -> None:
        """Add the squares of what a batch gave."""
        for group, gradient in self.by_channel.items():
            self.channels[group] += gradient.double().square().sum(0)
        for name, gradient in self.by_block.items():
            self.blocks[name] += float(gradient.double().square().sum())
        self.forget()

    def run_node(self, n: fx.Node) -> Any:
        if n in self.readers or n in self.sums:
            args, options = self.fetch_args_kwargs_from_env(n)
            gated = [self.gate(n, a) if self._is_gated(n, i) else a for i, a in enumerate(args)]
            return getattr(self, n.op)(n.target, tuple(gated), options)
        return super().run_node(n)

    def _is_gated(self, node: fx.Node, position: int) -> bool:
        return position == 0 if node in self.readers else node.args[position] is self.sums[node][0]

    def gate(self, node: fx.Node, value: Tensor) -> Tensor:
        """The same value, whose gradient is listened to."""
        copy = value.clone()
        if copy.requires_grad:
            copy.register_hook(lambda gradient: self.hear(node, value.detach() * gradient))  # type: ignore[no-untyped-call]
        return copy

    def hear(self, node: fx.Node, product: Tensor) -> None:
        """product: (N, …) of a value and its gradient, whose sums are the gradients of gates."""
        if node in self.sums:
            self.by_block[self.sums[node][1]] = product.flatten(1).sum(1)
            return
        axis, offset = self.layouts[path_of(node)], 0
        by_position = product.movedim(axis, 1).flatten(2).sum(2) if product.ndim > 2 else product
        for span in self.readers[node]:
            part = by_position[:, offset:offset + span.count * span.repeat]
            offset += span.count * span.repeat
            if span.group in self.channels:
                gradient = part.reshape(len(part), span.count, span.repeat).sum(2)
                self.by_channel[span.group] = self.by_channel.get(span.group, torch.zeros(())) + gradient
