"""edgenas inspect"""

from __future__ import annotations

from pathlib import Path

import click

from edgenas.cli.output import emit, json_option


@click.command(epilog="Example: edgenas inspect photos.zip")
@click.argument("path", metavar="FILE|BUNDLE|RUN", type=click.Path(path_type=Path))
@json_option
def command(path: Path, as_json: bool) -> None:
    """Show what an exported file, a bundle or a run's artifacts are, and verify that they are as they were made.

    A changed or damaged file ends with exit code 4. Nothing in it is run.
    """
    from edgenas.cli.show_inspection import show
    from edgenas.export.package.inspection import inspect

    document = inspect(path)
    emit(as_json, document, lambda: show(document))
