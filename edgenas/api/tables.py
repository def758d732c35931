"""Results as text for a terminal and as HTML for a notebook."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from edgenas.text import one_line

Rows = Sequence[Sequence[object]]


@dataclass(frozen=True)
class Table:
    """A title, column heads and rows, which print themselves."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, title: str, heads: Sequence[str], rows: Rows) -> Table:
        """Cells are made printable, figures short."""
        return cls(one_line(title), tuple(heads), tuple(tuple(map(_cell, row)) for row in rows))

    def __str__(self) -> str:
        widths = [max(map(len, column)) for column in zip(self.heads, *self.rows, strict=True)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
                 for row in (self.heads, *self.rows)]
        return "\n".join([self.title, *(f"  {line}" for line in lines)])

    def _repr_html_(self) -> str:
        heads = "".join(f"<th>{html.escape(head)}</th>" for head in self.heads)
        rows = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in self.rows)
        return f"<table><caption>{html.escape(self.title)}</caption><tr>{heads}</tr>{rows}</table>"


def joined(tables: Sequence[Table]) -> str:
    return "\n".join(map(str, tables))


def joined_html(tables: Sequence[Table]) -> str:
    return "".join(table._repr_html_() for table in tables)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else one_line(str(value), 200)
