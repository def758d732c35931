"""A cell as a picture: nodes on the diagonal; an operator right of the node that it reads, above the one it feeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgenas.report.markup import Html, join, tag

WIDTH, HEIGHT = 124, 46  # of a column and of a row, in pixels
BOX, RADIUS = (108, 24), 13
INK, SOFT, CARD = "#1a1f26", "#5a6572", "#ffffff"
KINDS = (("conv", "#0b66c3"), ("pool", "#c2450c"), ("other", "#8a95a3"))
"""Colours of a picture that is no part of a page; style.py gives a page's its own, by class."""


@dataclass(frozen=True)
class Drawn:
    """edges: (source, target, operator), those that are left. nodes: all of the cell's, inputs first."""

    nodes: Sequence[str]
    inputs: Sequence[str]
    edges: Sequence[tuple[str, str, str]]

    def svg(self) -> Html:
        """Stands alone as a file."""
        place = {node: index for index, node in enumerate(self.nodes)}
        width, height = WIDTH * len(place), HEIGHT * len(place)
        lines = [_line(place[source], place[target]) for source, target, _ in self.edges]
        boxes = [_box(place[source], place[target], operator) for source, target, operator in self.edges]
        used = {node for source, target, _ in self.edges for node in (source, target)}
        nodes = [_node(place[node], node, node in used or node in self.inputs) for node in self.nodes]
        return tag("svg", *lines, *boxes, *nodes, xmlns="http://www.w3.org/2000/svg", width=str(width),
                   height=str(height), viewBox=f"0 0 {width} {height}", font_family="system-ui, sans-serif",
                   font_size="12", role="img", class_="cell")


def _centre(row: int, column: int) -> tuple[int, int]:
    return column * WIDTH + WIDTH // 2, row * HEIGHT + HEIGHT // 2


def _line(source: int, target: int) -> Html:
    (x1, y1), (x2, y2) = _centre(source, source), _centre(target, target)
    return tag("polyline", points=f"{x1},{y1} {x2},{y1} {x2},{y2}", fill="none", stroke=SOFT, stroke_width="1.2")


def _box(source: int, target: int, operator: str) -> Html:
    x, y = _centre(source, target)
    kind, colour = next((known for known in KINDS if known[0] in operator), KINDS[-1])
    box = tag("rect", x=str(x - BOX[0] // 2), y=str(y - BOX[1] // 2), width=str(BOX[0]), height=str(BOX[1]), rx="5",
              fill=colour, class_=kind)
    return join([box, _text(x, y, operator, "#ffffff", None)])


def _node(index: int, name: str, used: bool) -> Html:
    x, y = _centre(index, index)
    circle = tag("circle", cx=str(x), cy=str(y), r=str(RADIUS), fill=CARD, stroke=INK, stroke_width="1.5",
                 stroke_dasharray=None if used else "3 3", class_="node")
    return join([circle, _text(x, y, name, INK, "name")])


def _text(x: int, y: int, text: str, colour: str, kind: str | None) -> Html:
    return tag("text", text, x=str(x), y=str(y + 4), text_anchor="middle", fill=colour, class_=kind)
