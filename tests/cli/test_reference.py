from __future__ import annotations

from pathlib import Path

import click

from edgenas.cli.app import EXIT_CODES, app
from edgenas.cli.reference import reference


def test_the_reference_has_every_command_with_every_option():
    text = reference()
    context = click.Context(app, **app.context_settings)
    assert EXIT_CODES in text
    for name in app.list_commands(context):
        section = text.split(f"## edgenas {name}\n")[1].split("\n## ")[0]
        command = app.get_command(context, name)
        assert command is not None
        for option in command.params:
            if isinstance(option, click.Option) and not option.hidden:
                assert option.opts[-1] in section


def test_the_page_in_the_docs_is_up_to_date():
    page = Path(__file__).parents[2] / "docs" / "commands.md"
    assert page.read_text(encoding="utf-8") == reference(), "run `make docs`"
