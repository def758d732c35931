"""Cells: tied choices, edges that vanish, and what is left of a network then."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

from edgenas.cost.exact import exact_model
from edgenas.cost.model import blocks_of, whole
from edgenas.errors import RunError, UsageError
from edgenas.search.decode import Constraint, decode
from edgenas.space import Architecture, Choice, Space, choices_of, follow, load_space, pick, places_of
from edgenas.space.dag import Dag
from edgenas.space.graph import NONE, Edge, Graph

SHAPE = (3, 8, 8)


def space(name: str, **options: str) -> Space:
    return load_space(name, SHAPE, 4, {"channels": "4", "cells": "3" if name == "cell" else "1", **options})


def cells(**options: str) -> Space:
    return space("cell", nodes="2", **options)


def sparse(found: Space) -> Architecture:
    """Every first node of a cell vanishes."""
    vanishing = {name for name in found.choices if name.endswith(">1") or ":1>" in name}
    return Architecture({name: NONE if name in vanishing else "sep_conv_3x3" for name in found.choices})


@pytest.mark.parametrize("found", [space("nasbench201", affine="false"), cells(), cells(keep="1")],
                         ids=["nasbench201", "cell", "kept"])
def test_what_is_left_computes_what_the_supernet_computes_along_the_same_paths(found: Space) -> None:
    generator = torch.Generator().manual_seed(0)
    architectures = [found.random(generator) for _ in range(8)]
    architectures += [] if found.is_additive else [sparse(found)]
    supernet, images = found.supernet(), torch.randn(4, *SHAPE, generator=generator)
    for architecture in architectures:
        follow(supernet, architecture)
        supernet.train()(images)  # the batch norms' statistics
        supernet.eval()
        with torch.no_grad():
            left = pick(copy.deepcopy(supernet), architecture)
            torch.testing.assert_close(left(images), supernet(images), rtol=1e-5, atol=1e-5)
        assert not choices_of(left)


def test_outputs_that_vanish_are_removed_from_what_reads_them() -> None:
    found = cells()
    network = found.build(sparse(found))
    dags = [module for module in network.modules() if isinstance(module, Dag)]
    assert all(dag.outputs == ("2",) for dag in dags)
    assert network.classifier.in_features * 2 == found.supernet().classifier.in_features  # type: ignore[operator]
    assert "cat" not in {op.kind for op in whole(found, sparse(found)).operators}


@pytest.mark.parametrize(("name", "options"), [("nasbench201", {}), ("cell", {"nodes": "2", "keep": "2"})])
def test_macs_of_tied_choices_are_those_of_all_their_places(name: str, options: dict[str, str]) -> None:
    found = space(name, **options)
    generator, macs, params = torch.Generator().manual_seed(1), exact_model(found, "macs"), exact_model(found, "params")
    assert macs.exact
    for _ in range(5):
        architecture = found.random(generator)
        assert macs.predict(architecture) == whole(found, architecture).macs
        assert params.predict(architecture) == whole(found, architecture).params
        assert len(blocks_of(found, architecture)) <= len(found.parts)


def test_peak_memory_of_cells_is_predicted_from_above() -> None:
    found = cells()
    model, generator = exact_model(found, "peak_memory_kib"), torch.Generator().manual_seed(2)
    assert not model.exact and model.bias > 0
    drawn = [found.random(generator) for _ in range(10)]
    assert sum(model.predict(a) >= whole(found, a).peak_elements * 4 / 1024 for a in drawn) >= 9


@pytest.mark.parametrize("found", [space("nasbench201"), cells(), cells(keep="1")], ids=["nasbench201", "cell", "kept"])
def test_decoding_finds_live_networks_alone(found: Space) -> None:
    model = exact_model(found, "macs")
    low, high = model.reachable
    for limit in (low, (low + high) / 2):
        scores = {c: {n: float(n == NONE) for n in names} for c, names in found.choices.items()}  # nothing at all
        architecture = decode(scores, [Constraint(model, limit)])
        assert architecture is not None
        found.check(architecture)
        assert model.predict(architecture) <= limit
        assert found.live(architecture) == architecture
    assert decode(scores, [Constraint(model, low - 1)]) is None


def test_an_architecture_in_vain_is_refused() -> None:
    found = space("nasbench201")
    dead = Architecture(dict.fromkeys(found.choices, NONE) | {"0>1": "nor_conv_1x1"})
    with pytest.raises(RunError, match="in vain"):
        found.check(dead)
    assert set(found.live(dead).values()) == {NONE}


def test_tied_places_follow_one_choice() -> None:
    found = space("nasbench201", cells="2")
    supernet = found.supernet()
    assert {name: len(places) for name, places in places_of(supernet).items()} == dict.fromkeys(found.choices, 6)
    follow(supernet, Architecture(dict.fromkeys(found.choices, "avg_pool_3x3")))
    assert {choice.route.active for choice in choices_of(supernet).values()} == {(4,)}


def test_places_of_one_name_must_have_the_same_candidates() -> None:
    def define(shape: Any, classes: int) -> nn.Module:
        return nn.Sequential(Choice({"a": nn.Identity(), "b": nn.ReLU()}, "x"),
                             Choice({"a": nn.Identity(), "c": nn.ReLU()}, "x"))

    with pytest.raises(UsageError, match=r"'x' have different candidates: a, b and a, c"):
        Space("odd", define, SHAPE, 4).choices  # noqa: B018


def test_networks_are_built_larger_than_they_were_searched() -> None:
    found = load_space("cell", SHAPE, 4, {"channels": "4", "cells": "3", "nodes": "2"}, {"cells": "5"})
    assert not found.inherits and load_space("cell", SHAPE, 4, {"cells": "3"}, {"cells": "3"}).inherits
    architecture = found.random(torch.Generator().manual_seed(0))
    assert len(found.build(architecture).cells) == 5 and len(found.supernet().cells) == 3  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="differ in the choice"):
        load_space("cell", SHAPE, 4, {"nodes": "2"}, {"nodes": "3"}).choices  # noqa: B018


def test_a_graph_that_cannot_live_is_refused() -> None:
    graph = Graph("cell", ("0",), (Edge("1", "2", "x"),), ("2",))

    def define(shape: Any, classes: int) -> nn.Module:
        return Dag(graph, lambda edge: {NONE: nn.Identity(), "a": nn.ReLU()})

    with pytest.raises(UsageError, match="no network"):
        Space("odd", define, SHAPE, 4).random(torch.Generator())
