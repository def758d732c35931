"""edgenas devices"""

from __future__ import annotations

from pathlib import Path

import click

from edgenas.cli.group import Group
from edgenas.cli.options import options
from edgenas.cli.output import emit, json_option, table
from edgenas.errors import DeviceError, UsageError

device_argument = click.argument("device", metavar="NAME|FILE.toml")
profiles_option = click.option("--profiles", metavar="DIR", envvar="EDGENAS_PROFILES",
                               help="Where profiles are kept; your data folder by default.")
one_device = options(device_argument, profiles_option, json_option)


@click.group(cls=Group, invoke_without_command=True, epilog="Example: edgenas devices --json")
@json_option
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """List the devices that are described, show one, or check what of it works."""
    if context.invoked_subcommand is None:
        _list(as_json)
    elif as_json:
        name = context.invoked_subcommand
        raise UsageError(f"--json stands before {name!r}; it must come after it", f"edgenas devices {name} --json")


@command.command("list", epilog="Example: edgenas devices list --json")
@json_option
def list_command(as_json: bool) -> None:
    """List the devices that are described, with their runtimes."""
    _list(as_json)


@command.command(epilog="Example: edgenas devices show host --json")
@one_device
def show(device: str, profiles: str | None, as_json: bool) -> None:
    """Show a device: its file, its runtimes, and the profiles that were measured on it."""
    from edgenas.cli.show_device import show_device
    from edgenas.flow.devices import describe_device

    document = describe_device(device, Path(profiles) if profiles else None)
    emit(as_json, document, lambda: show_device(document))


@command.command(epilog="Example: edgenas devices check host --runtime onnxruntime")
@click.option("--runtime", metavar="NAME", help="Check this one alone; all of the device's by default.")
@one_device
def check(device: str, runtime: str | None, profiles: str | None, as_json: bool) -> int:
    """Check step by step what of a device works: whether it can be reached, its runtimes and their versions, its free
    space, clock, temperature and load, and whether its profiles still hold.

    Exit code 4 when a step failed.
    """
    from edgenas.cli.show_device import print_step
    from edgenas.flow.device_check import check_device
    from edgenas.flow.step import FAILED

    steps = []
    for step in check_device(device, runtime, Path(profiles) if profiles else None):
        steps.append(step)
        if not as_json:
            print_step(step)
    bad = any(step.state == FAILED for step in steps)
    emit(as_json, {"device": device, "ok": not bad, "steps": [step.to_dict() for step in steps]}, lambda: None)
    return DeviceError.exit_code if bad else 0


def _list(as_json: bool) -> None:
    from edgenas.measure.device import device_names, load_device

    devices = [load_device(name) for name in device_names()]
    emit(as_json, {"devices": [device.model_dump(mode="json") for device in devices]},
         lambda: table("devices", ["name", "runtimes", "threads", "description"],
                       [[d.name, ", ".join(d.runtimes), d.threads, d.description] for d in devices]))
