"""The cells that were found, as pictures."""

from __future__ import annotations

from edgenas.flow.records import Cell
from edgenas.report.contents import Contents
from edgenas.report.markup import Html, join, note, section, tag
from edgenas.report.sections.drawing import Drawn


def cells(run: Contents) -> Html:
    """Nothing where the space has no cells."""
    found = run.decoding.cells if run.decoding else ()
    if not found:
        return Html("")
    return section("cells", "The cells", note(
        "Nodes stand on the diagonal, inputs first. An operator is right of the node that it reads and above the one "
        "that sums it; a dashed node is fed by nothing and was removed."), *(box(cell) for cell in found))


def box(cell: Cell) -> Html:
    title = f"{cell.name}: {len(cell.edges)} of {cell.possible_edges} edges"
    dead = [node for node in cell.nodes if node not in cell.inputs and all(node != e.target for e in cell.edges)]
    title += f", {len(dead)} dead nodes" if dead else ""
    drawn = Drawn(cell.nodes, cell.inputs, [(e.source, e.target, e.candidate) for e in cell.edges])
    return join([tag("h3", title), tag("div", drawn.svg(), class_="scroll")])
