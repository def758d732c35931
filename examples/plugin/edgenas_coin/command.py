"""`edgenas coin`"""

from __future__ import annotations

import click


@click.command(epilog="Example: edgenas coin")
def command() -> None:
    """Say which strategy this package adds."""
    from edgenas.search.strategy import strategy_class

    click.echo(f"coin: {strategy_class('coin').summary}")
