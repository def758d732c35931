"""What an untrained network says of itself: measures that need one forward and some backward passes, and no label.

AZ-NAS (Lee and Ham, CVPR 2024, arXiv:2403.19232): expressivity and progressivity (eq. 2 to 4), trainability (eq. 7 and
8), and multiply-accumulates as the measure of complexity; ranked together as in eq. 10 (ranking.py).

Where we differ: the batch is of the user's images, not noise; a block that hands its input on is no block, where the
authors' trainability is then minus infinity; the blocks are those of the space, whatever its networks look like, and
maps whose sides are no multiples of one another are padded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from edgenas.space.choice import choices_of
from edgenas.space.space import Space

MEASURES = ("expressivity", "progressivity", "trainability")
CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
IMAGES = 64


def blocks_of(space: Space) -> tuple[str, ...]:
    """The paths of the blocks of a space's networks, in order: the stem, and all up to the last with a choice in it.

    The network, sequences and lists in it are taken apart as long as they hold choices; what follows the last choice
    is the head, and no block.
    """
    with torch.device("meta"):
        found = _blocks(space.whole(), "")
    last = max(index for index, (_, block) in enumerate(found) if choices_of(block))
    return tuple(path for path, _ in found[:last + 1])


def _blocks(module: nn.Module, prefix: str) -> list[tuple[str, nn.Module]]:
    if (prefix and not isinstance(module, CONTAINERS)) or not choices_of(module):
        return [(prefix, module)]
    return [block for name, child in module.named_children()
            for block in _blocks(child, f"{prefix}.{name}" if prefix else name)]


def measures_of(network: nn.Module, blocks: Sequence[str], images: Tensor,
                generator: torch.Generator) -> dict[str, float]:
    """MEASURES of a network with fresh weights, which are drawn anew; the larger the better.

    images: (N, C, H, W), as the network takes them. Where fewer than two blocks give feature maps, or a map is not
    finite, nothing can be measured: minus infinity.
    """
    initialise(network, generator)
    maps = feature_maps(network, blocks, images)
    if len(maps) < 2 or not all(bool(features.isfinite().all()) for features in maps):
        return dict.fromkeys(MEASURES, -math.inf)
    entropies = [entropy(features.detach()) for features in maps]
    steps = [behind - before for before, behind in zip(entropies, entropies[1:], strict=False)]
    norms = [spectral_norm(before, behind, generator) for before, behind in zip(maps, maps[1:], strict=False)]
    return {"expressivity": sum(entropies), "progressivity": min(steps),
            "trainability": sum(2 - norm - 1 / max(norm, 1e-6) for norm in norms) / len(norms)}


@torch.no_grad()
def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """He et al.'s normal weights for convolutions and linear layers, as the authors have them, and no biases."""
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            deviation = math.sqrt(2 / module.weight[0].numel())
            module.weight.copy_(torch.randn(module.weight.shape, generator=generator) * deviation)
            if module.bias is not None:
                module.bias.zero_()


def feature_maps(network: nn.Module, blocks: Sequence[str], images: Tensor) -> list[Tensor]:
    """What the blocks give in a forward pass, batch norms going by the batch; each map once."""
    maps: list[Tensor] = []

    def keep(_: nn.Module, __: tuple[Tensor, ...], output: object) -> None:
        if isinstance(output, Tensor) and output.ndim == 4 and not any(output is known for known in maps):
            maps.append(output)

    modules = dict(network.named_modules(remove_duplicate=False))
    hooks = [modules[path].register_forward_hook(keep) for path in blocks if path in modules]
    try:
        network.train()(images)
    finally:
        for hook in hooks:
            hook.remove()
    return maps


def entropy(features: Tensor) -> float:
    """Of the spectrum of the covariance of the channels over all positions, (N, C, H, W)."""
    rows = features.transpose(0, 1).flatten(1)
    values = torch.linalg.eigvalsh(torch.cov(rows, correction=0).reshape(len(rows), len(rows))).clamp(min=0)
    shares = values / values.sum().clamp(min=1e-12)
    return float(torch.special.entr(shares).sum())


def spectral_norm(before: Tensor, behind: Tensor, generator: torch.Generator) -> float:
    """Of the matrix that takes a gradient at a block's output to that at its input, channels to channels: estimated
    from random signs, whose covariance is the identity."""
    signs = torch.randint(0, 2, behind.shape, generator=generator).to(behind) * 2 - 1
    (gradient,) = torch.autograd.grad(behind, before, signs, retain_graph=True, allow_unused=True)
    if gradient is None:
        return 0.0
    if not bool(gradient.isfinite().all()):
        return math.inf
    columns = patches(gradient, behind.shape[2:]).transpose(0, 1).flatten(1)
    rows = patches(signs, gradient.shape[2:]).transpose(0, 1).flatten(1)
    return float(torch.linalg.matrix_norm(columns @ rows.T / rows.shape[1], 2))


def patches(maps: Tensor, size: Sequence[int]) -> Tensor:
    """(N, C, H, W) -> (N, C·k, positions): what falls on each position of a map of `size`, padded where it must be."""
    stride = [max(1, math.ceil(mine / other)) for mine, other in zip(maps.shape[2:], size, strict=True)]
    wanted = [max(mine, other * step) if step > 1 else mine
              for mine, other, step in zip(maps.shape[2:], size, stride, strict=True)]
    padded = functional.pad(maps, (0, wanted[1] - maps.shape[3], 0, wanted[0] - maps.shape[2]))
    return functional.unfold(padded, tuple(stride), stride=tuple(stride))
