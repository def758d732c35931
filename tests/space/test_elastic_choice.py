"""Sizes of a block that share its weights: one supernet of the size of one network."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from edgenas.space import Architecture, choices_of
from edgenas.space.choice import Route
from edgenas.space.elastic import ABSENT, Elastic, space_of
from edgenas.space.elastic_choice import ElasticChoice
from edgenas.space.narrowing import narrowed
from edgenas.space.pick import follow
from edgenas.space.space import Space

from .test_elastic import SHAPE, apart, drawn, images
from .user_networks import BUILDERS


def shuffled(name: str, generator: torch.Generator) -> tuple[Elastic, Space]:
    elastic = apart(name)
    for group, size in elastic.groups.size.items():
        elastic.order[group] = torch.randperm(size, generator=generator)  # type: ignore[index]
    return elastic, space_of(elastic, name, SHAPE, 5)


@pytest.mark.parametrize("name", BUILDERS)
def test_a_size_is_what_its_slice_gives(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    elastic, space = shuffled(name, generator)
    supernet, x = space.supernet().eval(), images(3, seed=1)
    for _ in range(4):
        architecture = drawn(elastic, generator)
        follow(supernet, architecture)
        assert torch.allclose(supernet(x), elastic.build(architecture).eval()(x), atol=1e-5)


@pytest.mark.parametrize("name", BUILDERS)
def test_weights_of_ones_and_zeros_take_one_and_every_weight_has_a_gradient(name: str) -> None:
    generator = torch.Generator().manual_seed(1)
    elastic, space = shuffled(name, generator)
    supernet, x, architecture = space.supernet().eval(), images(3, seed=1), drawn(elastic, generator)
    weights = {}
    for choice in choices_of(supernet).values():
        assert choice.name is not None
        chosen = torch.tensor([float(candidate == architecture[choice.name]) for candidate in choice.names])
        weights[choice.name] = chosen.requires_grad_()
        choice.route = Route(tuple(range(len(choice.names))), weights[choice.name])
    out = supernet(x)
    assert torch.allclose(out, elastic.build(architecture).eval()(x), atol=1e-5)
    out.square().sum().backward()
    for choice in choices_of(supernet).values():
        gradient = weights[choice.name or ""].grad
        assert gradient is not None and gradient.isfinite().all()


@pytest.mark.parametrize("name", BUILDERS)
def test_what_is_taken_of_a_trained_supernet_computes_what_it_computed_there(name: str) -> None:
    generator = torch.Generator().manual_seed(2)
    elastic, space = shuffled(name, generator)
    supernet, x, architecture = space.supernet(), images(8, seed=1), drawn(elastic, generator)
    with torch.no_grad():
        for parameter in supernet.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    supernet.train()(x)  # batch norms see it, too
    follow(supernet.eval(), architecture)
    expected = supernet(x)
    assert not torch.allclose(expected, elastic.build(architecture).eval()(x), atol=1e-3)
    assert torch.allclose(space.take(supernet, architecture).eval()(x), expected, atol=1e-5)


def test_it_holds_every_weight_once_and_computes_a_block_once() -> None:
    elastic = apart("mobilenet")
    supernet = space_of(elastic, "mobilenet", SHAPE, 5).supernet()
    whole = elastic.build({block.name: block.candidates[0] for block in elastic.blocks})
    assert sum(p.numel() for p in supernet.parameters()) == sum(p.numel() for p in whole.parameters())
    seen: list[nn.Module] = []
    for choice in choices_of(supernet).values():
        assert isinstance(choice, ElasticChoice)
        assert choice.block is not None
        choice.block.register_forward_hook(lambda module, *_: seen.append(module))
        choice.route = Route(tuple(range(len(choice.names))), torch.full((len(choice.names),), 1 / len(choice.names)))
    supernet(images(2))
    assert len(seen) == len(set(seen)) == len(elastic.blocks)


def test_it_can_be_narrowed() -> None:
    elastic = apart("mobilenet")
    space = space_of(elastic, "mobilenet", SHAPE, 5)
    block = next(block for block in elastic.blocks if block.absent is not None)
    gone = narrowed(space, {block.name: list(block.sizes)})
    only = Architecture({name: names[0] for name, names in gone.choices.items()})
    assert only[block.name] == ABSENT and gone.take(gone.supernet(), only)(images(2)).shape == (2, 5)
    less = narrowed(space, {block.name: [ABSENT, block.candidates[0]]})
    assert {c.name: c.names for c in choices_of(less.supernet()).values()} == less.choices
    architecture = Architecture({name: names[0] for name, names in less.choices.items()})
    supernet, x = less.supernet().eval(), images(3)
    follow(supernet, architecture)
    assert torch.allclose(less.take(less.supernet(), architecture).eval()(x), supernet(x), atol=1e-5)
