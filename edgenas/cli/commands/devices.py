"""edgenas devices"""

from __future__ import annotations

import click

from edgenas.cli.output import emit, json_option, table


@click.command(epilog="Example: edgenas devices --json")
@json_option
def command(as_json: bool) -> None:
    """List the devices that are described, with their runtimes."""
    from edgenas.measure.device import device_names, load_device

    devices = [load_device(name) for name in device_names()]
    emit(as_json, {"devices": [device.model_dump(mode="json") for device in devices]},
         lambda: table("devices", ["name", "runtimes", "threads", "description"],
                       [[d.name, ", ".join(d.runtimes), d.threads, d.description] for d in devices]))
