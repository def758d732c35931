from __future__ import annotations

import itertools

import numpy as np
import pytest
from nasbench201_cell import EDGES, NONE, OPERATORS, Cell, as_executed, as_written, macs

from edgenas.errors import DataError

LETTERS = {".": NONE, "s": "skip_connect", "1": "nor_conv_1x1", "3": "nor_conv_3x3", "p": "avg_pool_3x3"}


def cell(text: str) -> Cell:
    """One letter an edge, in the order of `EDGES`."""
    return Cell(tuple(LETTERS[letter] for letter in text))


def executed(text: str) -> str:
    kept = cell(text).executed
    return "".join(letter if keep else "." for letter, keep in zip(text, kept, strict=True))


def test_a_published_text_is_read_edge_by_edge() -> None:
    text = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|none~0|nor_conv_3x3~1|skip_connect~2|"
    assert Cell.parse(text) == cell("p1s.3s")


@pytest.mark.parametrize("text", [
    "", "|none~0|", "|none~0|+|none~0|none~1|", "|none~1|+|none~0|none~1|+|none~0|none~1|none~2|",
    "|conv~0|+|none~0|none~1|+|none~0|none~1|none~2|",
])
def test_another_text_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="is no NAS-Bench-201 cell"):
        Cell.parse(text)


@pytest.mark.parametrize(("text", "dead"), [
    ("......", True), ("111...", True), ("...s..", False), ("1...1.", False), (".....3", True), ("s.s..p", False),
])
def test_a_cell_is_dead_when_no_way_leads_to_its_output(text: str, dead: bool) -> None:
    assert cell(text).dead is dead


def test_the_published_number_of_dead_cells() -> None:
    kinds = [NONE, *OPERATORS]
    assert sum(Cell(edges).dead for edges in itertools.product(kinds, repeat=len(EDGES))) == 341


@pytest.mark.parametrize(("text", "kept"), [
    ("131313", "131313"),  # all is used
    ("1p.3..", "...3.."),  # what ends in a node that nobody uses is removed
    ("s..3..", "...3.."),
    ("3..s..", "3..s.."),  # but a convolution absorbs the multiplication by zero behind it
    ("3.3s..", "3.3s.."),
    ("33.s..", "...s.."),  # not where something was added to it first
    ("..3s..", "..3s.."),  # a convolution of zeros is computed
    (".s3s..", "...s.."),
    ("3s...s", "3s...s"),
])
def test_what_a_runtime_executes(text: str, kept: str) -> None:
    assert executed(text) == kept


def test_counts_as_written_and_as_executed() -> None:
    cells = [cell("1p.3.."), cell("331s.p")]
    assert as_written(cells).tolist() == [[0, 1, 1, 1, 3, 4], [1, 1, 2, 1, 1, 5]]
    assert as_executed(cells)[0].tolist() == [0, 0, 1, 0, 5, 2]
    assert macs(cells)[:, 0].tolist() == [10, 19]


def test_counts_of_every_edge_add_up() -> None:
    cells = [cell("".join(edges)) for edges in itertools.product(".s3", repeat=len(EDGES))]
    for counts in (as_written(cells), as_executed(cells)):
        assert (counts[:, :5].sum(axis=1) == len(EDGES)).all()
    assert (as_executed(cells)[:, :4] <= as_written(cells)[:, :4]).all()
    assert not np.array_equal(as_executed(cells), as_written(cells))
