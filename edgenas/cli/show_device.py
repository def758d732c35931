"""A device as tables, and the steps of its check as they come."""

from __future__ import annotations

from collections.abc import Mapping

from edgenas.cli.output import table
from edgenas.flow.devices import accelerator_text
from edgenas.flow.records.documents import DescribedDevice, DescribedProfile
from edgenas.flow.step import Step
from edgenas.text import printable

STYLES = {"ok": "green", "warning": "yellow", "failed": "bold red", "skipped": "dim"}
WIDTH = 26


def show_device(found: DescribedDevice) -> None:
    device = found.device
    said = {"file": found.path, "description": device.description, "transport": device.transport,
            "threads": device.threads, **{f"options.{key}": value for key, value in device.options.items()}}
    table(f"device {device.name}", ["what", "value"], [[key, str(value)] for key, value in said.items()])
    table("runtimes, the first by default", ["name", "format", "precisions", "figures are", "extra", "settings"],
          [[r.name, r.format, ", ".join(r.precisions), r.provenance, r.extra, _settings(r.settings)]
           for r in found.runtimes])
    if found.profiles:
        table("profiles", ["file", "runtime", "threads", "blocks", "networks", "created", "machine"],
              [_profile(profile) for profile in found.profiles])


def print_step(step: Step) -> None:
    from rich.console import Console
    from rich.text import Text

    text = Text.assemble((f"{step.state:<8}", STYLES[step.state]), printable(f" {step.name:<{WIDTH}} {step.text}"))
    if step.hint:
        text.append(printable(f"\n{'try:':>{WIDTH + 9}} {step.hint}"))
    Console(highlight=False, soft_wrap=True).print(text)


def _settings(values: Mapping[str, object]) -> str:
    return ", ".join(f"{key} = {value!r}" for key, value in values.items())


def _profile(found: DescribedProfile) -> list[object]:
    if found.error is not None:
        return [found.path, found.error, "", "", "", "", ""]
    words = (found.runtime, found.runtime_version, found.precision, found.provenance)
    return [found.path, " ".join(words), found.threads, found.blocks, found.networks, found.created,
            f"{found.machine.get('cpu')} {accelerator_text(found.machine)}".strip()]
