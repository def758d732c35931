"""PC-DARTS: Partial Channel Connections (Xu, Xie, Zhang, Chen, Qi, Tian, Xiong; ICLR 2020, arXiv:1907.05737).

Every choice sends 1/K of its channels through its candidates and lets the others pass by (eq. 2), so that a step takes
about 1/K of the memory of `darts`, and less time; all channels are shuffled afterwards. What is noisier by this is
steadied by edge normalisation: each edge of a cell gets a learned weight, by a softmax over the edges into the same
node (eq. 3). Learned as `darts` of order 1, the weights alone at first.

Where we differ: a fixed part of the channels, as in the authors' code (their text samples it); see partial_channels for
choices that cannot be split. An operator's score is the product of both weights, as the authors', `none`'s its own
alone; spaces without cells have no edges to weigh. Networks start from random weights, as only a K-th of the supernet's
channels was trained; sampled networks are tried as they were trained, with partial channels.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, ClassVar, cast
from weakref import WeakKeyDictionary

import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor, fx, nn
from torch.func import functional_call
from torch.nn import functional

from edgenas.search.decode import Scores
from edgenas.search.relaxation import Paths, Relaxation, Softmax
from edgenas.search.state import Batch, SearchState
from edgenas.search.strategy import Strategy
from edgenas.search.update import architecture_step, weight_step
from edgenas.space.choice import Choice, choices_of
from edgenas.space.graph import NONE, Graph
from edgenas.space.space import Space

_TRACED: WeakKeyDictionary[Choice, dict[int, int]] = WeakKeyDictionary()
"""Choice -> its number of channels by that of its input."""


@dataclass(frozen=True)
class PcDarts(Strategy):
    """share: the paper's K. warmup: part of the search in which the weights learn alone (15 of the authors' 50 epochs).
    """

    summary: ClassVar[str] = "DARTS on a part of the channels, with learned weights of edges"
    paper: ClassVar[str] = "Xu et al., ICLR 2020, arXiv:1907.05737"
    inherits: ClassVar[bool] = False

    architecture_share: Annotated[float, Gt(0), Lt(1)] = 0.5
    share: Annotated[int, Ge(1)] = 4
    warmup: Annotated[float, Ge(0), Lt(1)] = 0.3

    def more(self, space: Space) -> nn.Module:
        return EdgeWeights(space.choices, space.graphs)

    def passes(self, supernet: nn.Module, progress: float) -> AbstractContextManager[None]:
        return partial_channels(supernet, self.share)

    def step(self, state: SearchState, batch: Batch, held: Batch | None, progress: float) -> dict[str, float]:
        assert held is not None
        relaxation = EdgeNormalised(Softmax(), edges(state))
        with self.passes(state.supernet, progress):
            if progress >= self.warmup:
                architecture_step(state, relaxation, held)
            return weight_step(state, relaxation, batch)

    def scores(self, state: SearchState) -> Scores:
        return state.parameters.scores(edges(state).chosen(state.parameters.logits))


def edges(state: SearchState) -> EdgeWeights:
    return cast(EdgeWeights, state.parameters.more)


class EdgeWeights(nn.Module):
    """`values` (choices,) are learned: one logit per edge, of a softmax over the edges into the same node. All edges of
    a node start equally likely. A choice that is no edge of a cell has weight 1."""

    same: Tensor
    operators: Tensor

    def __init__(self, choices: Mapping[str, Sequence[str]], graphs: Sequence[Graph]) -> None:
        super().__init__()
        nodes = {edge.choice: (graph.name, edge.target) for graph in graphs for edge in graph.edges}
        into = [nodes.get(choice, (choice, "")) for choice in choices]
        widest = max(len(names) for names in choices.values())
        operators = [[name != NONE for name in names] + [False] * (widest - len(names)) for names in choices.values()]
        self.values = nn.Parameter(torch.zeros(len(choices)))
        self.register_buffer("same", torch.tensor([[one == other for other in into] for one in into]))
        self.register_buffer("operators", torch.tensor(operators))

    @property
    def weights(self) -> Tensor:
        """(choices,), those of the edges into one node summing to 1."""
        return torch.softmax(self.values.expand_as(self.same).masked_fill(~self.same, -torch.inf), 1).diagonal()

    def chosen(self, logits: Tensor) -> Tensor:
        """Candidates' logits of which those of operators, not of `none`, are raised by the logarithm of the edge's
        weight in units of an equal share: where all edges weigh the same, nothing changes."""
        return logits + (self.weights * self.same.sum(1)).log()[:, None] * self.operators


@dataclass(frozen=True)
class EdgeNormalised(Relaxation):
    """The path weights of another relaxation times their edge's weight (PC-DARTS, arXiv:1907.05737, eq. 3)."""

    inner: Relaxation
    edges: EdgeWeights

    def sample(self, logits: Tensor, generator: torch.Generator) -> Paths:
        paths = self.inner.sample(logits, generator)
        return Paths(paths.weights * self.edges.weights[:, None], paths.active, paths.single)


@contextmanager
def partial_channels(network: nn.Module, share: int) -> Iterator[None]:
    """While it lasts, candidates compute 1/share of their choice's channels (PC-DARTS, arXiv:1907.05737, eq. 2).

    Convolutions and batch norms take the first channels of their weights and statistics. The other channels pass by,
    max-pooled where the candidates halve the image, and weighed by the sum of the path weights; then all are shuffled.
    Where `share` does not divide the channels, the largest smaller number that does is taken. A choice that changes the
    number of channels, or that has a candidate whose weights cannot be cut, is computed in full.
    """
    choices = [choice for choice in choices_of(network).values()
               if all(can_be_cut(module) for module in choice.candidates.modules())]
    for choice in choices:
        choice.forward = partial(split, choice, share)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for choice in choices:
            del choice.forward


def can_be_cut(module: nn.Module) -> bool:
    """Whether a module, those inside it aside, can compute a part of its channels by a part of its weights."""
    if isinstance(module, nn.Conv2d):
        return module.groups in (1, module.in_channels)
    if isinstance(module, fx.GraphModule):  # whose graph has numbers of channels written in it
        return False
    return isinstance(module, nn.BatchNorm2d) or not module._parameters


def split(choice: Choice, share: int, x: Tensor) -> Tensor:
    """The forward pass of a choice by parts of its channels."""
    channels = x.shape[1]
    parts = next(k for k in range(min(share, channels), 0, -1) if channels % k == 0)
    if parts == 1 or outputs(choice, x) != channels:
        return Choice.forward(choice, x)
    first, rest = x[:, :channels // parts], x[:, channels // parts:]
    with cut_to(parts, choice.candidates):
        mixed = Choice.forward(choice, first)
    if mixed.shape[2:] != rest.shape[2:]:
        rest = functional.max_pool2d(rest, -(-rest.shape[-1] // mixed.shape[-1]), ceil_mode=True)
    if choice.route.weights is not None:
        rest = choice.route.weights.sum() * rest
    return shuffled(torch.cat([mixed, rest], 1), parts)


def shuffled(x: Tensor, parts: int) -> Tensor:
    """The channels of `parts` equal parts dealt out in turn, in channels_last."""
    return functional.channel_shuffle(x, parts).contiguous(memory_format=torch.channels_last)


def outputs(choice: Choice, x: Tensor) -> int:
    """The number of channels that a choice gives for `x`, traced without data."""
    known = _TRACED.setdefault(choice, {})
    if x.shape[1] not in known:
        candidate = next(iter(choice.candidates.values()))
        with torch.no_grad():
            tensors = {name: tensor.to("meta") for name, tensor in candidate.state_dict().items()}
            known[x.shape[1]] = functional_call(candidate, tensors, torch.empty(x.shape, device="meta")).shape[1]
    return known[x.shape[1]]


@contextmanager
def cut_to(parts: int, candidates: nn.Module) -> Iterator[None]:
    """While it lasts, convolutions and batch norms inside compute 1/parts of their channels."""
    layers = {module for module in candidates.modules() if isinstance(module, (nn.Conv2d, nn.BatchNorm2d))}
    for layer in layers:
        layer.forward = partial(cut, layer, parts)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward


def cut(layer: nn.Conv2d | nn.BatchNorm2d, parts: int, x: Tensor) -> Any:
    """The layer's output for the first channels of its input, which are all that `x` has."""
    view, channels = copy.copy(layer), x.shape[1]
    if isinstance(view, nn.Conv2d):
        depthwise, out = view.groups > 1, -(-view.out_channels // parts)
        inputs = slice(None) if depthwise else slice(channels)
        view.groups = channels if depthwise else 1
        view.__dict__["_parameters"] = {"weight": layer.weight[:out, inputs],
                                        "bias": None if layer.bias is None else layer.bias[:out]}
        return nn.Conv2d.forward(view, x)
    for kind in ("_parameters", "_buffers"):  # views: running statistics change in place
        view.__dict__[kind] = {name: tensor[:channels] if tensor is not None and tensor.ndim else tensor
                               for name, tensor in layer.__dict__[kind].items()}
    return nn.BatchNorm2d.forward(view, x)


STRATEGY = PcDarts
