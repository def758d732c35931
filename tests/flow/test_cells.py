"""What is said of the cells that a search left."""

from __future__ import annotations

from edgenas.flow.cells import cells_of, in_words
from edgenas.space import Architecture, load_space


def test_what_is_left_of_the_cells_is_listed_and_counted() -> None:
    space = load_space("cell", (3, 8, 8), 4, {"channels": "4", "cells": "3", "nodes": "2"})
    picks = dict.fromkeys(space.choices, "none") | {"normal:a>2": "sep_conv_3x3", "reduction:b>1": "skip_connect"}
    normal, reduction = (cell.to_json() for cell in cells_of(space, Architecture(picks)))
    assert normal == {"name": "normal", "inputs": ["a", "b"], "nodes": ["a", "b", "1", "2"], "possible_edges": 5,
                      "edges": [{"source": "a", "target": "2", "candidate": "sep_conv_3x3"}]}
    assert [edge["target"] for edge in reduction["edges"]] == ["1"]
    assert in_words(space, Architecture(picks))[0] == "cell normal: 1 of 5 edges left, 1 of 2 nodes dead"


def test_a_space_without_cells_has_none() -> None:
    space = load_space("mobile", (3, 8, 8), 4)
    assert list(cells_of(space, Architecture({}))) == [] == in_words(space, Architecture({}))
