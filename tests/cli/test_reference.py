from __future__ import annotations

from pathlib import Path

import click

from edgenas.cli.app import EXIT_CODES
from edgenas.cli.reference import reference

from .commands import every_command


def test_the_reference_has_every_command_with_every_option():
    text = reference()
    assert EXIT_CODES in text
    for name, command in every_command().items():
        section = text.split(f"# edgenas {name}\n")[1].split("\n##")[0]
        for option in command.params:
            if isinstance(option, click.Option) and not option.hidden:
                assert option.opts[-1] in section


def test_commands_of_a_group_follow_it_a_level_below():
    text = reference()
    places = [text.index(f"\n{head}\n") for head in ("## edgenas devices", "### edgenas devices check",
                                                     "### edgenas devices show", "## edgenas export")]
    assert places == sorted(places)


def test_the_page_in_the_docs_is_up_to_date():
    page = Path(__file__).parents[2] / "docs" / "commands.md"
    assert page.read_text(encoding="utf-8") == reference(), "run `make docs`"
