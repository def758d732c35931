"""A command of several: `edgenas devices show`."""

from __future__ import annotations

import click

from edgenas.errors import unknown


class Group(click.Group):
    """Its commands are those attached with `@command.command(...)`."""

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.commands:
            raise unknown(f"command of {ctx.command_path}", name, self.commands)
        return self.commands[name]
