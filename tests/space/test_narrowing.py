from __future__ import annotations

import torch
from torch import nn

from edgenas.space import Choice, Space
from edgenas.space.narrowing import narrowed


def network(input_shape, classes, *, width: int = 4):
    def place():
        return Choice({"a": nn.Conv2d(1, 1, 1), "b": nn.Conv2d(1, 1, 3, padding=1), "skip": nn.Identity()}, name="both")

    return nn.Sequential(place(), place(), Choice({"x": nn.ReLU(), "y": nn.Identity()}))


SPACE = Space("own", network, (1, 8, 8), 2)


def test_candidates_vanish_at_every_place_of_a_choice():
    found = narrowed(SPACE, {"both": ["b"], "2": {"x": "why"}})
    assert found.choices == {"both": ("a", "skip"), "2": ("y",)} and found.size == 2
    assert {part.candidate for part in found.parts} == {"a", "skip", "y"}
    assert SPACE.choices["both"] == ("a", "b", "skip")


def test_what_is_left_can_be_searched_and_built():
    found = narrowed(SPACE, {"2": ["x"]})
    image = torch.zeros(1, 1, 8, 8)
    assert found.supernet()(image).shape == found.build(found.random(torch.Generator()))(image).shape == image.shape


def test_without_anything_to_drop_it_is_the_same_space():
    assert narrowed(SPACE, {}) is SPACE
