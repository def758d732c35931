"""The command reference in `docs/commands.md`, made from the commands themselves: `make docs`."""

from __future__ import annotations

import sys
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
    sections = [HEADER]
    for name in app.list_commands(context):
        command = app.get_command(context, name)
        assert command is not None
        with click.Context(command, info_name=name, parent=context, terminal_width=100, max_content_width=100) as inner:
            sections.append(f"## edgenas {name}\n\n```\n{command.get_help(inner)}\n```\n")
    return "\n".join(sections)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference(), encoding="utf-8")
