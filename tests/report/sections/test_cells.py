"""The cells' pictures."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from edgenas.flow.run import Run
from edgenas.report.contents import read
from edgenas.report.sections.cells import cells
from edgenas.report.sections.drawing import Drawn

from ..runs import files_after, write

CELL = {"name": "normal", "inputs": ["a", "b"], "nodes": ["a", "b", "1", "2"], "possible_edges": 5,
        "edges": [{"source": "a", "target": "2", "candidate": "sep_<conv>"}]}


def test_a_space_without_cells_draws_none(make):
    assert cells(make("search")) == ""


def test_cells_are_drawn_and_their_dead_nodes_counted(tmp_path: Path) -> None:
    files = files_after("search")
    files["decoding.json"]["cells"] = [CELL]
    shown = cells(read(Run.open(write(tmp_path, files))))
    assert "normal: 1 of 5 edges, 1 dead nodes" in shown and "sep_&lt;conv&gt;" in shown and "<conv>" not in shown


def test_a_picture_stands_alone_and_has_a_box_for_every_edge() -> None:
    edges = [("a", "1", "sep_conv_3x3"), ("1", "2", "skip_connect")]
    root = ElementTree.fromstring(Drawn(["a", "1", "2"], ["a"], edges).svg())
    kinds = [part.tag.rpartition("}")[2] for part in root]
    assert kinds.count("rect") == kinds.count("polyline") == 2 and kinds.count("circle") == 3
    assert [part.text for part in root if part.tag.endswith("text")] == ["sep_conv_3x3", "skip_connect", "a", "1", "2"]
    assert not [part for part in root if part.get("stroke-dasharray")]
