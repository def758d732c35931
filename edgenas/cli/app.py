"""The command group, and how errors become messages and exit codes. Imports nothing heavy."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import traceback
from collections.abc import Sequence
from typing import TextIO

import click

from edgenas import __version__, plugins
from edgenas.cli.failures import failure_of
from edgenas.cli.notes import notes
from edgenas.errors import EdgenasError, Interrupted, UsageError, unknown
from edgenas.text import quoted

FAMILY = "edgenas.cli.commands"
EXIT_CODES = ("Exit codes: 0 done and within budget; 2 wrong usage or input; 3 budget unreachable or missed; "
              "4 device or runtime failed; 70 a fault of edgenas; 130 interrupted (143 by SIGTERM, 129 by SIGHUP), go "
              "on with --resume; 141 nobody reads the output.")
CLOSED_PIPE = 141
"""As a shell says of a program that wrote to a pipe which nobody reads."""


class Commands(click.Group):
    """Every file in `commands` that defines `command` is a command of that name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return plugins.names(FAMILY)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in plugins.names(FAMILY):
            raise unknown("command", name, plugins.names(FAMILY))
        return plugins.instance(FAMILY, name, "command", "command", click.Command)


EXAMPLE = "Example: edgenas run --data mnist --device host --latency-ms 50% --out runs/first"


@click.command(cls=Commands, epilog=f"{EXAMPLE}\n\n{EXIT_CODES}",
               context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="edgenas")
def app() -> None:
    """Data, a device and a budget in; a trained network out, exported for that device, its budget verified by
    measuring the exported file on it."""


def run(arguments: Sequence[str]) -> int:
    """Run the command line; returns the exit code."""
    try:
        check_text(arguments)
        with notes():
            code = app.main(list(arguments), prog_name="edgenas", standalone_mode=False, obj=tuple(arguments))
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except BaseException as error:
        return ended(error, arguments)


def check_text(arguments: Sequence[str]) -> None:
    """Raises: UsageError for an argument that is no text: bytes that are not UTF-8, or a null character."""
    for argument in arguments:
        if "\0" in argument or any("\ud800" <= letter <= "\udfff" for letter in argument):
            raise UsageError(f"the argument {quoted(argument)} is not UTF-8 text",
                             "give the file or folder another name")


def ended(error: BaseException, arguments: Sequence[str]) -> int:
    """Say what ended the command; returns the exit code."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        print(error.format_message(), file=sys.stderr)
        return UsageError.exit_code
    if isinstance(error, click.ClickException):
        return fail(UsageError(error.format_message(), _help_hint(error)), arguments)
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return fail(Interrupted("interrupted; what was done is kept",
                                "run the same command again, with --resume if it takes --out"), arguments)
    if isinstance(error, BrokenPipeError) or _is_closed_pipe(error):
        _silence_broken(sys.stdout)
        return CLOSED_PIPE
    return fail(error if isinstance(error, EdgenasError) else failure_of(error), arguments)


def fail(error: EdgenasError, arguments: Sequence[str]) -> int:
    """Say what went wrong: as JSON on stdout where --json was given, as a sentence on stderr in any case."""
    if "--json" in arguments:
        document = {"kind": error.kind, "message": error.message, "hint": error.hint}
        with contextlib.suppress(OSError, ValueError):  # it may be what failed
            print(json.dumps({"error": document}, indent=1), flush=True)
    _silence_broken(sys.stdout)
    with contextlib.suppress(OSError, ValueError):
        print(f"error: {error.message}" + (f"\n  try: {error.hint}" if error.hint else ""), file=sys.stderr, flush=True)
    _silence_broken(sys.stderr)
    return error.exit_code


def _is_closed_pipe(error: BaseException) -> bool:
    """click and rich themselves end the program when they meet one, and for nothing else here."""
    frames = list(traceback.walk_tb(error.__traceback__))
    return isinstance(error, SystemExit) and frames[-1][0].f_globals.get("__name__") in ("click.core", "rich.console")


def _silence_broken(stream: TextIO) -> None:
    """Nothing more goes to a stream that cannot be written, so that Python's end has nothing to complain of."""
    try:
        stream.flush()
    except (OSError, ValueError):
        _silence(stream)


def _silence(stream: TextIO) -> None:
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _help_hint(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    return f"{context.command_path if context else 'edgenas'} --help"
