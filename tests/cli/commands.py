"""Every command of the command line, those of groups too."""

from __future__ import annotations

from collections.abc import Iterator

import click

from edgenas.cli.app import app


def every_command() -> dict[str, click.Command]:
    """"devices show" -> its command."""
    return dict(_below(click.Context(app, info_name="edgenas", **app.context_settings), app, ""))


def _below(context: click.Context, group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield path + name, command
        if isinstance(command, click.Group):
            inner = click.Context(command, info_name=name, parent=context)
            yield from _below(inner, command, f"{path}{name} ")
