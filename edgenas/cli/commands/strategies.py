"""edgenas strategies"""

from __future__ import annotations

import click

from edgenas.cli.output import emit, json_option, table


@click.command(epilog="Example: edgenas strategies")
@json_option
def command(as_json: bool) -> None:
    """List the search strategies, with their papers and options."""
    from edgenas.options import option_names
    from edgenas.search.strategy import strategy_class, strategy_names

    found = {name: strategy_class(name) for name in strategy_names()}
    document = {"strategies": [{"name": name, "summary": cls.summary, "paper": cls.paper,
                                "options": option_names(cls)} for name, cls in found.items()]}
    emit(as_json, document, lambda: table("strategies", ["name", "what it does", "paper", "options (--set)"],
                                          [[s["name"], s["summary"], s["paper"], ", ".join(s["options"])]
                                           for s in document["strategies"]]))
