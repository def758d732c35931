"""What a device's file says of how adb reaches a phone, and the command line that follows from it."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, fields

from edgenas.errors import UsageError, unknown
from edgenas.measure.device import Device

SERVER = re.compile(r"(?:(?P<host>[^\s:-][^\s:]*):)?(?P<port>\d{1,5})")
ADDRESS = re.compile(r"[^\s-]\S*:\d{1,5}")


@dataclass(frozen=True)
class AdbOptions:
    """serial: as `adb devices` lists it, needed where several are attached; a phone on the network has `address:port`.

    adb: the program. server: `port` or `host:port` of an adb server other than the usual one. folder: where jobs get a
    folder of their own on the phone.
    """

    serial: str = ""
    adb: str = "adb"
    server: str = ""
    folder: str = "/data/local/tmp"

    def command(self, *words: str) -> list[str]:
        """adb with its options and these words: for all devices if the first is `devices` or `connect`."""
        serial = [] if words[0] in ("devices", "connect") or not self.serial else ["-s", self.serial]
        return [self.adb, *self._server(), *serial, *words]

    def by_hand(self, *words: str) -> str:
        """What the user would type."""
        return shlex.join(self.command(*words))

    @property
    def on_network(self) -> bool:
        """Whether an adb server must be told to connect to the phone."""
        return ADDRESS.fullmatch(self.serial) is not None

    def _server(self) -> list[str]:
        found = SERVER.fullmatch(self.server)
        if found is None:
            return []
        return [*(["-H", found["host"]] if found["host"] else []), "-P", found["port"]]


def read_options(device: Device) -> AdbOptions:
    """Raises: UsageError naming the option and the rule that it breaks."""
    known = [field.name for field in fields(AdbOptions)]
    values = {}
    for key, value in device.options.items():
        if key not in known:
            raise unknown("option of transport 'adb'", key, known)
        if key == "server" and isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str) or not value or not value.isprintable():
            raise _wrong(key, value, "it must be a text")
        values[key] = value
    options = AdbOptions(**values)
    _check(options)
    return options


def _check(options: AdbOptions) -> None:
    if options.serial.startswith("-") or any(character.isspace() for character in options.serial):
        raise _wrong("serial", options.serial, "it must not begin with '-' or contain spaces")
    if options.adb.startswith("-"):
        raise _wrong("adb", options.adb, "it must be the name or the path of a program")
    if options.server:
        found = SERVER.fullmatch(options.server)
        if found is None or not 0 < int(found["port"]) < 65536:
            raise _wrong("server", options.server, "it must be a port, or host:port, of an adb server")
    if not options.folder.startswith("/"):
        raise _wrong("folder", options.folder, "it must begin with '/'")


def _wrong(key: str, value: object, rule: str) -> UsageError:
    return UsageError(f"options.{key} is {value!r}; {rule}", "mend it in the device's file")
