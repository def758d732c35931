"""The report's last words."""

from __future__ import annotations

from edgenas.report.contents import Contents
from edgenas.report.markup import Html, section, tag
from edgenas.report.section import Section


def heads(run: Contents) -> Html:
    return section("coin", "Coin", tag("p", f"Strategy {run.config.strategy}: heads."))


SECTION = Section(1000, heads)
