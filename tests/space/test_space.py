from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable
from itertools import product

import pytest
import torch
from torch import Tensor, nn

from edgenas.errors import RunError, UsageError
from edgenas.space import Architecture, Choice, Space, choices_of, follow, load_space, pick

SHAPE = (2, 8, 8)


def network(input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    channels = input_shape[0]
    return nn.Sequential(OrderedDict(
        stem=nn.Conv2d(channels, 4, 3, 2, 1),
        body=nn.Sequential(OrderedDict(
            one=Choice({"conv": nn.Conv2d(4, 4, 1), "wide": nn.Conv2d(4, 4, 5, padding=2), "skip": nn.Identity()}),
            two=Choice({"pool": nn.MaxPool2d(2), "conv": nn.Conv2d(4, 4, 3, 2, 1)}),
        )),
        head=nn.Sequential(nn.Flatten(), nn.Linear(16, classes)),
    ))


@pytest.fixture
def space() -> Space:
    return Space("toy", network, SHAPE, 3)


@pytest.fixture
def mobile() -> Space:
    return load_space("mobile", (1, 8, 8), 3, {"width": "0.25", "depth": "2"})


def settled(supernet: nn.Module) -> nn.Module:
    """With batch-norm statistics that differ from each other, in evaluation mode."""
    generator = torch.Generator().manual_seed(0)
    for module in supernet.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None and module.running_var is not None
            module.running_mean.uniform_(-1, 1, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
    return supernet.eval()


def draws(space: Space, count: int, seed: int = 0) -> list[Architecture]:
    generator = torch.Generator().manual_seed(seed)
    return [space.random(generator) for _ in range(count)]


def test_choices_and_size(space: Space) -> None:
    assert space.choices == {"body.one": ("conv", "wide", "skip"), "body.two": ("pool", "conv")}
    assert list(space.choices) == ["body.one", "body.two"]
    assert space.size == 6


def test_random_reaches_every_architecture_about_equally_often(space: Space) -> None:
    found = draws(space, 600)
    every = [Architecture({"body.one": a, "body.two": b}) for a, b in product(*space.choices.values())]
    assert set(found) == set(every)
    assert all(60 <= found.count(a) <= 140 for a in every)
    assert draws(space, 20, seed=1) == draws(space, 20, seed=1) != found[:20]


@pytest.mark.parametrize(("picks", "what"), [
    ({"body.one": "conv"}, "a choice 'body.two' that it lacks"),
    ({"body.one": "conv", "body.two": "pool", "body.three": "conv"}, "no choice 'body.three'"),
    ({"body.one": "pool", "body.two": "pool"}, r"'pool' is no candidate of 'body.one' \(conv, wide, skip\)"),
])
def test_an_architecture_of_another_space_is_refused_in_one_sentence(
        space: Space, picks: dict[str, str], what: str) -> None:
    for use in (space.check, space.build):
        with pytest.raises(RunError, match=what) as caught:
            use(Architecture(picks))
        assert "another space" in caught.value.message
        assert "\n" not in caught.value.message


def test_build_gives_the_picked_candidates_and_no_choice(space: Space) -> None:
    built = space.build(Architecture({"body.one": "skip", "body.two": "conv"}))
    assert not choices_of(built)
    assert isinstance(built.get_submodule("body.one"), nn.Identity)
    assert isinstance(built.get_submodule("body.two"), nn.Conv2d)
    assert built(torch.zeros(1, *SHAPE)).shape == (1, 3)


def test_the_built_network_with_the_supernets_weights_computes_what_the_routed_supernet_does(mobile: Space) -> None:
    supernet = settled(mobile.supernet())
    x = torch.randn(2, *mobile.input_shape, generator=torch.Generator().manual_seed(1))
    outputs = []
    for architecture in draws(mobile, 5):
        weights = pick(copy.deepcopy(supernet), architecture).state_dict()
        built = mobile.build(architecture).eval()
        assert not torch.equal(built(x), pick(copy.deepcopy(supernet), architecture)(x))
        built.load_state_dict(weights)
        follow(supernet, architecture)
        assert torch.equal(built(x), supernet(x))
        outputs.append(supernet(x))
    assert not torch.equal(outputs[0], outputs[1])


def test_parts_are_every_candidate_and_every_fixed_part_in_order(space: Space) -> None:
    assert [(p.place, p.candidate, p.input_shape) for p in space.parts] == [
        ("stem", None, (2, 8, 8)),
        ("body.one", "conv", (4, 4, 4)), ("body.one", "wide", (4, 4, 4)), ("body.one", "skip", (4, 4, 4)),
        ("body.two", "pool", (4, 4, 4)), ("body.two", "conv", (4, 4, 4)),
        ("head", None, (4, 2, 2)),
    ]
    assert [p.candidate for p in space.parts if p.is_absent] == ["skip"]
    assert all(w.is_meta for p in space.parts for w in p.module.parameters())


def test_a_module_that_is_never_called_is_no_part() -> None:
    class Unused(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.spare = nn.Linear(5, 5)
            self.used = Choice({"a": nn.ReLU(), "b": nn.ReLU6()})

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.used(x)
            return out

    space = Space("toy", lambda shape, classes: Unused(), SHAPE, 3)
    assert {p.place for p in space.parts} == {"used"}


def sequence(*modules: nn.Module) -> Callable[..., nn.Module]:
    return lambda shape, classes: nn.Sequential(*modules)


def test_candidates_of_different_output_shapes_are_refused() -> None:
    space = Space("toy", sequence(Choice({"a": nn.Conv2d(2, 4, 1), "b": nn.Conv2d(2, 5, 1)})), SHAPE, 3)
    with pytest.raises(UsageError, match=r"candidates of '0' differ in their output shape.*\(4, 8, 8\).*\(5, 8, 8\)"):
        _ = space.parts


def test_a_candidate_that_cannot_take_its_input_is_refused() -> None:
    space = Space("toy", sequence(Choice({"a": nn.Conv2d(2, 4, 1), "b": nn.Conv2d(3, 4, 1)})), SHAPE, 3)
    with pytest.raises(UsageError, match=r"'b' of '0'.*\(2, 8, 8\)"):
        _ = space.parts


def test_a_network_that_cannot_take_its_input_is_refused() -> None:
    space = Space("toy", sequence(nn.Conv2d(3, 4, 1), Choice({"a": nn.ReLU(), "b": nn.ReLU6()})), SHAPE, 3)
    with pytest.raises(UsageError, match=r"space 'toy'.*\(2, 8, 8\)"):
        _ = space.parts


def test_a_space_without_a_choice_is_refused() -> None:
    with pytest.raises(UsageError, match="space 'toy' has no choice in it"):
        _ = Space("toy", sequence(nn.ReLU()), SHAPE, 3).choices


def test_options_reach_the_definition() -> None:
    def define(shape: tuple[int, int, int], classes: int, *, width: int) -> nn.Module:
        return nn.Sequential(nn.Conv2d(shape[0], width, 1), Choice({"a": nn.ReLU(), "b": nn.ReLU6()}))

    space = Space("toy", define, SHAPE, 3, {"width": 7})
    assert space.parts[1].input_shape == (7, 8, 8)
    assert space.supernet()(torch.zeros(1, *SHAPE)).shape == (1, 7, 8, 8)
