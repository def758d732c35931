"""edgenas spaces"""

from __future__ import annotations

from typing import Any

import click
from click.core import ParameterSource

from edgenas.cli.group import Group
from edgenas.cli.options import device_options, options
from edgenas.cli.output import emit, json_option, table
from edgenas.errors import UsageError

image_options = options(
    click.option("--input-shape", default="1x28x28", show_default=True, metavar="CxHxW", help="Shape of an image."),
    click.option("--classes", type=click.IntRange(min=2), default=10, show_default=True, help="Number of classes."),
)
survey_options = options(image_options, device_options, json_option)


@click.group(cls=Group, invoke_without_command=True,
             epilog="Example: edgenas spaces --device host --input-shape 3x32x32")
@survey_options
@click.pass_context
def command(context: click.Context, /, as_json: bool, **request: Any) -> None:
    """List the spaces with their number of architectures and the range of costs they reach, or show one.

    Latency is predicted from the device's profile; a space that is not profiled yet shows none.
    """
    if context.invoked_subcommand is None:
        _list(as_json, request)
        return
    name = context.invoked_subcommand
    typed = [n for n in context.params if context.get_parameter_source(n) == ParameterSource.COMMANDLINE]
    if typed:
        option = "--json" if typed[0] == "as_json" else f"--{typed[0].replace('_', '-')}"
        raise UsageError(f"{option} stands before {name!r}; it must come after it", f"edgenas spaces {name} {option}")


@command.command("list", epilog="Example: edgenas spaces list --json")
@survey_options
def list_command(as_json: bool, **request: Any) -> None:
    """List the spaces with their number of architectures and the range of costs they reach."""
    _list(as_json, request)


@command.command(epilog="Example: edgenas spaces show mobile --target ethos-u55-128 --input-shape 3x32x32")
@click.argument("name", metavar="NAME|FILE.py:FUNCTION")
@click.option("--target", metavar="DEVICE|FILE.toml", help="Also say which candidates it cannot run, and why.")
@click.option("--runtime", metavar="NAME", help="What will run it there; the device's first one by default.")
@click.option("--precision", type=click.Choice(["fp32", "int8", "mixed"]),
              help="What the exported network computes in; the runtime's own by default.")
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE",
              help="Set an option of the space, e.g. space.width=0.5. May be given several times.")
@image_options
@json_option
def show(name: str, target: str | None, runtime: str | None, precision: str | None, assignments: tuple[str, ...],
         input_shape: str, classes: int, as_json: bool) -> None:
    """Show a space: every choice and its candidates, and what of these a target cannot run.

    That is asked of the compiler of an NPU, or of TensorFlow Lite Micro, for every distinct block. A search for such a
    device leaves those candidates out.
    """
    from edgenas.cli.show_space import show_space
    from edgenas.run.survey import describe_space

    document = describe_space(name, input_shape, classes, assignments, target, runtime, precision)
    emit(as_json, document, lambda: show_space(document))


def _list(as_json: bool, request: dict[str, Any]) -> None:
    from edgenas.run.survey import survey

    found = survey(**request)
    rows = [[s["name"] if row == 0 else "", s["size"] if row == 0 else "", metric, *(span or ["not profiled", ""])]
            for s in found for row, (metric, span) in enumerate(s["reachable"].items())]
    emit(as_json, {"spaces": found}, lambda: table(
        f"spaces for images of {request['input_shape']}, {request['classes']} classes",
        ["name", "architectures", "metric", "smallest", "largest"], rows))
