"""A device as tables, and the steps of its check as they come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgenas.cli.output import table
from edgenas.flow.devices import accelerator_text
from edgenas.flow.step import Step
from edgenas.text import printable

STYLES = {"ok": "green", "warning": "yellow", "failed": "bold red", "skipped": "dim"}
WIDTH = 26


def show_device(document: Mapping[str, Any]) -> None:
    """document: as `describe_device` gives it."""
    device = document["device"]
    said = {"file": document["path"], **{key: device[key] for key in ("description", "transport", "threads")},
            **{f"options.{key}": value for key, value in device["options"].items()}}
    table(f"device {device['name']}", ["what", "value"], [[key, str(value)] for key, value in said.items()])
    table("runtimes, the first by default", ["name", "format", "precisions", "figures are", "extra", "settings"],
          [[r["name"], r["format"], ", ".join(r["precisions"]), r["provenance"], r["extra"], _settings(r["settings"])]
           for r in document["runtimes"]])
    if document["profiles"]:
        table("profiles", ["file", "runtime", "threads", "blocks", "networks", "created", "machine"],
              [_profile(found) for found in document["profiles"]])


def print_step(step: Step) -> None:
    from rich.console import Console
    from rich.text import Text

    text = Text.assemble((f"{step.state:<8}", STYLES[step.state]), printable(f" {step.name:<{WIDTH}} {step.text}"))
    if step.hint:
        text.append(printable(f"\n{'try:':>{WIDTH + 9}} {step.hint}"))
    Console(highlight=False, soft_wrap=True).print(text)


def _settings(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} = {value!r}" for key, value in values.items())


def _profile(found: Mapping[str, Any]) -> list[Any]:
    if "error" in found:
        return [found["path"], found["error"], "", "", "", "", ""]
    machine, keys = found["machine"], ("runtime", "runtime_version", "precision", "provenance")
    return [found["path"], " ".join(found[key] for key in keys), found["threads"], found["blocks"],
            found["networks"], found["created"], f"{machine.get('cpu')} {accelerator_text(machine)}".strip()]
