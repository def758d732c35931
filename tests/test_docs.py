"""The documents say what the program does."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from edgenas.cli.app import app
from edgenas.cli.reference import reference

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def commands_in(page: Path) -> list[list[str]]:
    """The edgenas command lines in a page's code blocks and in backticks."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for block in re.findall(r"```[a-z]*\n(.*?)```", text, re.S) for line in block.splitlines()]
    lines += re.findall(r"`(edgenas [^`]+)`", text)
    commands = [part.strip() for line in lines for part in line.split(" ; ") if part.strip().startswith("edgenas ")]
    return [shlex.split(command, comments=True)[1:] for command in commands]


def test_the_command_reference_is_what_the_commands_say() -> None:
    assert (ROOT / "docs" / "commands.md").read_text(encoding="utf-8") == reference(), "run: make docs"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_in_the_documents_exist_with_their_options(page: Path) -> None:
    for name, *arguments in commands_in(page):
        if name.startswith("-"):
            continue
        command = app.get_command(click.Context(app), name)
        while isinstance(command, click.Group) and arguments and not arguments[0].startswith("-"):
            command = command.get_command(click.Context(command), arguments.pop(0))
        assert command is not None
        known = {flag for parameter in command.params for flag in parameter.opts} | {"--help"}
        used = {argument.partition("=")[0] for argument in arguments if argument.startswith("--")}
        assert used <= known, f"{page.name}: edgenas {name} has no {used - known}"


def anchors_of(page: Path) -> set[str]:
    """What a link may name behind `#`: the headings as they are turned into anchors."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", page.read_text(encoding="utf-8")):
        if target.startswith("http"):
            continue
        there = page.parent / target if target else page
        assert there.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors_of(there), f"{page.name} links to {target}#{anchor}"


def test_the_page_on_spaces_shows_the_example_that_is_tested() -> None:
    code = (ROOT / "examples" / "own_space.py").read_text(encoding="utf-8").partition('"""\n\n')[2]
    assert code in (ROOT / "docs" / "spaces.md").read_text(encoding="utf-8")
    assert len(code.splitlines()) <= 20


def test_the_reader_of_commands_finds_them(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```\nedgenas run --data mnist --no-such-thing\n```\n`edgenas devices --json`", encoding="utf-8")
    assert commands_in(page) == [["run", "--data", "mnist", "--no-such-thing"], ["devices", "--json"]]
