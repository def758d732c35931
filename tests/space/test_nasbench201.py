"""The space of NAS-Bench-201."""

from __future__ import annotations

import itertools

from edgenas.space import Architecture, load_space
from edgenas.space.graph import NONE


def test_it_has_the_benchmarks_cells() -> None:
    space = load_space("nasbench201", (3, 32, 32), 10, {"channels": "2", "cells": "1"})
    assert space.size == 5**6
    assert set(space.choices) == {"0>1", "0>2", "1>2", "0>3", "1>3", "2>3"}
    (graph,) = space.graphs
    dead = sum(not graph.live(graph.present(Architecture(dict(zip(space.choices, names, strict=True)))))
               for names in itertools.product(*space.choices.values()))
    assert dead == 341  # as the benchmark's authors' data has it
    assert space.choices["0>1"] == (NONE, "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")


def test_its_full_network_is_of_the_benchmarks_size() -> None:
    space = load_space("nasbench201", (3, 32, 32), 10)
    network = space.build(Architecture(dict.fromkeys(space.choices, "nor_conv_3x3")))
    params = sum(p.numel() for p in network.parameters())
    assert abs(params / 1.531e6 - 1) < 0.01  # Dong and Yang's table gives 1.531 MB of parameters for all 3×3
