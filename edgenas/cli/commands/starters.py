"""edgenas starters"""

from __future__ import annotations

import click

from edgenas.cli.output import emit, json_option, say, table


@click.command(epilog="Example: edgenas starters")
@json_option
def command(as_json: bool) -> None:
    """List trained networks to begin with, for who has none: edgenas run --from NAME.

    What is not installed says what would have to be. Their classifiers are replaced by one of the data's classes.
    """
    from edgenas.flow.starters import listing

    found = listing()

    def show() -> None:
        table("starters", ["--from", "installed", "what it is", "licence", "source"],
              [[s["from"], "yes" if s["installed"] else "no", s["summary"], s["licence"], s["source"]] for s in found])
        for s in found:
            if not s["installed"]:
                say(f"{s['from']} needs {' and '.join(s['missing'])}: {s['install']}")

    emit(as_json, {"starters": found}, show)
