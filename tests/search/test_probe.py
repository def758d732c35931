from __future__ import annotations

import torch
from torch import nn

from edgenas.search.probe import called


class Twice(nn.Module):
    """A layer under two names, and a parameter in two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.again = self.first
        self.tied = nn.Linear(4, 4, bias=False)
        self.tied.weight = self.first.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.tied(self.again(self.first(x)))


def test_a_network_is_called_with_other_weights_and_keeps_its_own() -> None:
    torch.manual_seed(0)
    network, x = Twice(), torch.randn(3, 4)
    before = [*map(id, network.parameters())]
    weights = {name: torch.randn_like(p) for name, p in network.named_parameters()}
    out = called(network, weights, x)
    assert [*map(id, network.parameters())] == before and all(p.requires_grad for p in network.parameters())
    with torch.no_grad():
        for name, p in network.named_parameters():
            p.copy_(weights[name])
    assert torch.allclose(out, network(x))
