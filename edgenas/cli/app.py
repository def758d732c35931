"""The command group, and how errors become messages and exit codes. Imports nothing heavy."""

from __future__ import annotations

import errno
import json
import sys
from collections.abc import Sequence

import click

from edgenas import __version__, plugins
from edgenas.cli.notes import notes
from edgenas.errors import EdgenasError, Interrupted, UsageError, unknown

FAMILY = "edgenas.cli.commands"
EXIT_CODES = ("Exit codes: 0 done and within budget; 2 wrong usage or input; 3 budget unreachable or missed; "
              "4 device or runtime failed; 130 interrupted (143 by SIGTERM, 129 by SIGHUP), go on with --resume.")

DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)


class Commands(click.Group):
    """Every file in `commands` that defines `command` is a command of that name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return plugins.names(FAMILY)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in plugins.names(FAMILY):
            raise unknown("command", name, plugins.names(FAMILY))
        found: click.Command = plugins.load(FAMILY, name, "command").command
        return found


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
        with notes():
            code = app.main(list(arguments), prog_name="edgenas", standalone_mode=False, obj=tuple(arguments))
        return code if isinstance(code, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message(), file=sys.stderr)
        return UsageError.exit_code
    except EdgenasError as error:
        return fail(error, arguments)
    except click.ClickException as error:
        return fail(UsageError(error.format_message(), _help_hint(error)), arguments)
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            raise
        return fail(_disk_error(error), arguments)
    except (KeyboardInterrupt, click.Abort):
        return fail(Interrupted("interrupted; what was done is kept",
                                "run the same command again, with --resume if it takes --out"), arguments)


def _disk_error(error: OSError) -> UsageError:
    return UsageError(f"cannot write {error.filename or 'a temporary file'}: {error.strerror}",
                      "free some space or choose another folder (TMPDIR for temporary files), then run the same "
                      "command again")


def fail(error: EdgenasError, arguments: Sequence[str]) -> int:
    """Say what went wrong: as JSON on stdout where --json was given, as a sentence on stderr in any case."""
    if "--json" in arguments:
        document = {"kind": error.kind, "message": error.message, "hint": error.hint}
        print(json.dumps({"error": document}, indent=1))
    print(f"error: {error.message}" + (f"\n  try: {error.hint}" if error.hint else ""), file=sys.stderr)
    return error.exit_code


def _help_hint(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    return f"{context.command_path if context else 'edgenas'} --help"
