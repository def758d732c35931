"""The sections of the page: one file each in `sections`, found by its name, which names its `SECTION`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edgenas import plugins
from edgenas.report.contents import Contents
from edgenas.report.markup import Html

FAMILY = "edgenas.report.sections"


@dataclass(frozen=True)
class Section:
    """order: where on the page it stands, the lowest first; edgenas' own have tens. draw: the section, from what the
    run holds; nothing where it has nothing to say.
    """

    order: int
    draw: Callable[[Contents], Html]


def sections() -> list[Section]:
    """All of them, in the order of the page.

    Raises: UserCodeError for a file that names none.
    """
    found = [plugins.instance(FAMILY, name, "section of the report", "SECTION", Section)
             for name in plugins.names(FAMILY)]
    return sorted(found, key=lambda section: section.order)
