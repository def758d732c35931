"""What every space must be: networks that can be built, counted and trained from the supernet's weights."""

from __future__ import annotations

import pytest
import torch

from edgenas.cost.exact import exact_model
from edgenas.cost.network import trace
from edgenas.space import Architecture, Space

DRAWN = 3
"""Architectures that are looked at."""


class SpaceContract:
    """Inherit it, and say with the fixture `space` which one: load_space("net.py:network", shape, classes)."""

    @pytest.fixture
    def space(self) -> Space:
        raise NotImplementedError("say with a fixture `space` which one is meant")

    def test_it_has_choices_with_several_candidates_the_same_each_time(self, space: Space) -> None:
        assert space.choices and all(len(set(names)) == len(names) > 1 for names in space.choices.values())
        again = Space(space.name, space.define, space.input_shape, space.classes, space.options, space.grown)
        assert again.choices == space.choices and space.size > 1

    def test_its_networks_give_one_output_a_class(self, space: Space) -> None:
        images = torch.randn(2, *space.input_shape)
        for architecture in drawn(space):
            with torch.no_grad():
                output = space.build(architecture).eval()(images)
            assert output.shape == (2, space.classes) and output.isfinite().all()

    def test_the_supernet_computes_all_that_it_holds(self, space: Space) -> None:
        with torch.no_grad():
            output = space.supernet().eval()(torch.randn(2, *space.input_shape))
        assert output.shape == (2, space.classes) and output.isfinite().all()

    def test_a_network_costs_what_is_predicted_of_it(self, space: Space) -> None:
        """A norm behind a choice is folded into what comes before it in a network, and counted alone in a space."""
        models = {metric: exact_model(space, metric) for metric in ("macs", "params")}
        for architecture in drawn(space):
            network = trace(space.build(architecture).eval(), space.input_shape)
            assert models["macs"].predict(architecture) == pytest.approx(network.macs)
            assert network.params <= models["params"].predict(architecture) <= 1.1 * network.params


def drawn(space: Space) -> list[Architecture]:
    generator = torch.Generator().manual_seed(0)
    return [space.random(generator) for _ in range(DRAWN)]
