from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor, nn

from edgenas.export.check.prefixes import beginning, first_wrong_beginning
from edgenas.export.check.values import graph_of
from edgenas.export.quiet import quiet

from ..nets import MBConv, settled


def computed(module: nn.Module, image: Tensor) -> np.ndarray:
    with torch.no_grad():
        return module(image).numpy()


def test_a_beginning_computes_what_the_layer_computes() -> None:
    net = settled(nn.Sequential(MBConv(4, 4, 3), nn.Flatten(), nn.Linear(4 * 36, 3))).eval()
    image = torch.randn(1, 4, 6, 6)
    graph = graph_of(net, image)
    names = [node.name for node in graph.graph.nodes if node.op == "call_function"]
    part = beginning(graph, names[names.index("add")])
    assert computed(part, image).shape == (1, 4, 6, 6)
    assert np.allclose(computed(part, image), computed(net[0], image), atol=1e-6)
    assert np.array_equal(computed(graph, image), computed(net, image))


def test_the_first_wrong_beginning_is_found_by_halving() -> None:
    net = nn.Sequential(*(nn.Linear(5, 5) for _ in range(16))).eval()
    image, runs = torch.randn(1, 5), []

    def run(part: nn.Module) -> np.ndarray:
        """An exporter that spoils the twelfth layer."""
        runs.append(part)
        with quiet():
            spoilt = copy.deepcopy(part)
        with torch.no_grad():
            for name, value in spoilt.named_parameters():
                if name == "11.bias":
                    value += 1
        return computed(spoilt, image)

    assert first_wrong_beginning(net, image, run) == "11 (linear)"
    assert len(runs) <= 6
    assert first_wrong_beginning(net, image, lambda part: computed(part, image)) is None
