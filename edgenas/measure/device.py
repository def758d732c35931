"""Device descriptions: one TOML file each, edgenas' own under `devices/` or the user's."""

from __future__ import annotations

import importlib.resources
import json
import math
import os
from importlib.resources.abc import Traversable
from pathlib import Path, PurePath
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from edgenas import plugins
from edgenas.errors import FileError, UsageError, unknown
from edgenas.files import read_toml
from edgenas.measure.runtime import load_runtime, runtime_names
from edgenas.measure.transports import transport_names
from edgenas.text import quoted

PACKAGE = "edgenas.devices"
LIMIT = 1 << 16
"""Bytes of a device's file."""
KINDS = {bool: "true or false", str: "a text", int: "a whole number", float: "a number with a decimal point"}


class Device(BaseModel):
    """What a target is, how to reach it and how it runs models. The first runtime is its default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    description: str = Field(min_length=1)
    transport: str = "local"
    runtimes: tuple[str, ...] = Field(min_length=1)
    threads: int = Field(default=1, ge=1, le=1024, strict=True)
    target: str = Field(default="host", min_length=1)
    """The processor that compiling exporters compile for; `host` is this machine's."""
    options: dict[str, str | int | float | bool] = {}
    """The transport's own settings; it checks them."""
    settings: dict[str, dict[str, str | int | float | bool]] = {}
    """Per runtime, its own settings."""

    @field_validator("transport")
    @classmethod
    def _known_transport(cls, value: str) -> str:
        if value not in transport_names():
            raise unknown("transport", value, transport_names())
        return value

    def settings_of(self, runtime: str) -> dict[str, Any]:
        """The runtime's options: its defaults, and what the device's file says instead."""
        return dict(load_runtime(runtime).options) | self.settings.get(runtime, {})

    @model_validator(mode="after")
    def _known_settings(self) -> Device:
        for runtime, values in self.settings.items():
            if runtime not in self.runtimes:
                raise unknown(f"runtime of device {self.name!r} in [settings.…]", runtime, self.runtimes)
            defaults = load_runtime(runtime).options
            for key, value in values.items():
                if key not in defaults:
                    raise unknown(f"setting of runtime {runtime!r}", key, defaults)
                wanted = type(defaults[key])
                if not isinstance(value, wanted) or value in (math.inf, -math.inf) or value != value:
                    raise UsageError(f"settings.{runtime}.{key} is {quoted(value)}; it must be {KINDS[wanted]}",
                                     f"for example {key} = {json.dumps(defaults[key])}")
        return self

    @field_validator("runtimes")
    @classmethod
    def _known_runtimes(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            if value not in runtime_names():
                raise unknown("runtime", value, runtime_names())
        if len(set(values)) < len(values):
            raise UsageError(f"runtimes {', '.join(values)}: one is named twice", "name each runtime once")
        return values


def device_names() -> list[str]:
    """The devices that come with edgenas."""
    return plugins.names(PACKAGE, suffix=".toml")


def device_file(name_or_path: str) -> Traversable:
    """The file of the device of that name, or the user's own: a text that ends in `.toml` or has a path separator.

    Raises: UsageError for a name that no device has.
    """
    separators = (os.sep, os.altsep or os.sep)
    if name_or_path.endswith(".toml") or any(separator in name_or_path for separator in separators):
        return Path(name_or_path)
    if name_or_path not in device_names():
        raise unknown("device", name_or_path, device_names())
    return importlib.resources.files(PACKAGE) / f"{name_or_path}.toml"


def load_device(name_or_path: str) -> Device:
    """The device of that name, or the one described by the user's own file.

    Raises: UsageError naming the file and the rule that it breaks.
    """
    source = device_file(name_or_path)
    device = _read(source)
    if device.name in device_names() and device != _read(device_file(device.name)):
        raise UsageError(f"two devices are named {device.name!r}: the one in {source} and the one that comes with "
                         "edgenas", "give yours another name: rename the file, and change name in it")
    return device


def _read(source: Traversable) -> Device:
    try:
        with importlib.resources.as_file(source) as path:
            values = read_toml(path, LIMIT)
    except FileError as error:
        raise UsageError(f"the device's file cannot be used: {error.message}",
                         "mend the file, or name one of those that `edgenas devices` lists") from error
    device = _checked(values, source)
    stem = PurePath(source.name).stem
    if device.name != stem:
        raise UsageError(f"the device file {source} names its device {device.name!r}; "
                         f"file and device must have the same name", f"write name = {stem!r}, or rename the file")
    return device


def _checked(values: dict[str, Any], source: Traversable) -> Device:
    try:
        for key in values:
            if key not in Device.model_fields:
                raise unknown("key of a device", key, Device.model_fields)
        return Device.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"the device file {source} is wrong at {place!r}: {first['msg']}", "mend the file") from error
    except UsageError as error:
        raise UsageError(f"the device file {source} is wrong: {error.message}", error.hint) from error


def wrong_option(key: str, value: object, rule: str, hint: str = "mend it in the device's file") -> UsageError:
    """The error for a transport's option that breaks a rule."""
    return UsageError(f"options.{key} is {quoted(value)}; {rule}", hint)
