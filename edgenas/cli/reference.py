"""The command reference in `docs/commands.md`, made from the commands themselves: `make docs`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from edgenas.cli.app import EXIT_CODES, app

HEADER = f"""# Commands

`python -m edgenas` is the same as `edgenas`. Every command takes `--json`: one JSON document on stdout; progress and
messages go to stderr. On failure the document is `{{"error": {{"kind": …, "message": …, "hint": …}}}}`.

{EXIT_CODES}

*This page is made by `make docs`.*
"""


def reference() -> str:
    """Markdown: every command's help."""
    context = click.Context(app, info_name="edgenas", **app.context_settings)
    return "\n".join([HEADER, *(text for name in app.list_commands(context) for text in sections(context, app, name))])


def sections(parent: click.Context, group: click.Group, name: str, level: str = "##") -> Iterator[str]:
    """The help of a command, then those of its own commands, a level below."""
    command = group.get_command(parent, name)
    assert command is not None
    with click.Context(command, info_name=name, parent=parent, terminal_width=100, max_content_width=100) as inner:
        yield f"{level} {inner.command_path}\n\n```\n{command.get_help(inner)}\n```\n"
        if isinstance(command, click.Group):
            for each in command.list_commands(inner):
                yield from sections(inner, command, each, f"{level}#")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference(), encoding="utf-8")
