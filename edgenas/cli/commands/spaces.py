"""edgenas spaces"""

from __future__ import annotations

from typing import Any

import click
from click.core import ParameterSource

from edgenas.bounds import MOST_CLASSES
from edgenas.cli.foreign import check_shown, shown_options
from edgenas.cli.group import Group
from edgenas.cli.options import options, runtime_options
from edgenas.cli.output import emit, json_option, table
from edgenas.errors import UsageError

image_options = options(
    click.option("--input-shape", default="1x28x28", show_default=True, metavar="CxHxW", help="Shape of an image."),
    click.option("--classes", type=click.IntRange(2, MOST_CLASSES), default=10, show_default=True,
                 help="Number of classes."),
)
survey_options = options(
    image_options,
    click.option("--device", metavar="NAME|FILE.toml", help="Also tell what the networks of each space cost there."),
    runtime_options, json_option,
)


@click.group(cls=Group, invoke_without_command=True,
             epilog="Example: edgenas spaces --device host --input-shape 3x32x32")
@survey_options
@click.pass_context
def command(context: click.Context, /, as_json: bool, **request: Any) -> None:
    """List the spaces with their number of architectures, or show one.

    With a device, also the range of costs that they reach, which takes longer. Latency is predicted from the device's
    profile; a space that is not profiled yet shows none.
    """
    if context.invoked_subcommand is None:
        _list(as_json, request)
        return
    name = context.invoked_subcommand
    if typed := _typed():
        option = "--json" if typed[0] == "as_json" else f"--{typed[0].replace('_', '-')}"
        raise UsageError(f"{option} stands before {name!r}; it must come after it", f"edgenas spaces {name} {option}")


@command.command("list", epilog="Example: edgenas spaces list --json")
@survey_options
def list_command(as_json: bool, **request: Any) -> None:
    """List the spaces with their number of architectures; with a device, also what they cost."""
    _list(as_json, request)


@command.command(epilog="Example: edgenas spaces show mobile --target ethos-u55-128 --input-shape 3x32x32\n\n"
                        "Example: edgenas spaces show --from net.py:build --data ./photos")
@click.argument("name", metavar="[NAME|FILE.py:FUNCTION]", required=False)
@click.option("--target", metavar="DEVICE|FILE.toml", help="Also say which candidates it cannot run, and why.")
@click.option("--runtime", metavar="NAME", help="What will run it there; the device's first one by default.")
@click.option("--precision", type=click.Choice(["fp32", "int8", "mixed"]),
              help="What the exported network computes in; the runtime's own by default.")
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE",
              help="Set an option of the space, e.g. space.width=0.5. May be given several times.")
@image_options
@shown_options
@json_option
def show(name: str | None, target: str | None, runtime: str | None, precision: str | None,
         assignments: tuple[str, ...], input_shape: str, classes: int, as_json: bool, **own: Any) -> None:
    """Show a space: every choice and its candidates, and what of these a target cannot run.

    With --from that of a trained network of your own: which blocks vary, what keeps its size, and why.

    That is asked of the compiler of an NPU, or of TensorFlow Lite Micro, for every distinct block. A search for such a
    device leaves those candidates out.
    """
    from edgenas.cli.show_space import show_space
    from edgenas.flow.survey import describe_own, describe_space

    check_shown(name, own)
    if own["origin"]:
        document = describe_own(own, target, runtime, precision)
    else:
        document = describe_space(name or "", input_shape, classes, assignments, target, runtime, precision)
    emit(as_json, document, lambda: show_space(document))


def _list(as_json: bool, request: dict[str, Any]) -> None:
    title = f"spaces for images of {request['input_shape']}, {request['classes']} classes"
    if request["device"] is None:
        from edgenas.space.listing import listing

        if foreign := [name for name in _typed() if name in ("runtime", "precision", "threads", "profiles")]:
            raise UsageError(f"--{foreign[0]} is of a device, and there is no --device", "--device host")
        plain = listing(request["input_shape"], request["classes"])
        emit(as_json, {"spaces": [s.to_json() for s in plain]}, lambda: table(
            f"{title}; --device NAME tells what they cost", ["name", "architectures", "summary"],
            [[s.name, s.size, s.summary] for s in plain]))
        return
    from edgenas.flow.survey import survey

    found = survey(**request)
    rows = [[s.name if row == 0 else "", s.size if row == 0 else "", metric, *(span or ("not profiled", ""))]
            for s in found for row, (metric, span) in enumerate(s.reachable.items())]
    emit(as_json, {"spaces": [s.to_json() for s in found]},
         lambda: table(title, ["name", "architectures", "metric", "smallest", "largest"], rows))


def _typed() -> list[str]:
    context = click.get_current_context()
    return [name for name in context.params if context.get_parameter_source(name) == ParameterSource.COMMANDLINE]
