"""What a device's file says of how adb reaches a phone, and the command line that follows from it."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, fields, replace

from edgenas.errors import unknown
from edgenas.measure.device import Device, wrong_option
from edgenas.measure.programs import chosen

SERVER = re.compile(r"(?:(?P<host>\w[\w.-]*):)?(?P<port>\d{1,5})")
SERIAL = re.compile(r"[\w\[(][\w.:%\[\]()@-]*")
ADDRESS = re.compile(r"[^\s-]\S*:\d{1,5}")
PROGRAM = re.compile(r"adb[\w.-]*")


@dataclass(frozen=True)
class AdbOptions:
    """serial: as `adb devices` lists it, needed where several are attached; a phone on the network has `address:port`.

    adb: the program's name, which is looked for on PATH; a path is for the user alone to say, in EDGENAS_ADB. server:
    `port` or `host:port` of an adb server other than the usual one. folder: where jobs get a folder of their own on the
    phone.
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
            raise wrong_option(key, value, "it must be a text")
        values[key] = value
    options = AdbOptions(**values)
    _check(options)
    return replace(options, adb=chosen("adb", options.adb))


def _check(options: AdbOptions) -> None:
    if options.serial and not SERIAL.fullmatch(options.serial):
        raise wrong_option("serial", options.serial, "it must be a serial number as `adb devices` lists it, or "
                           "address:port")
    if not PROGRAM.fullmatch(options.adb):
        raise wrong_option("adb", options.adb, "it must be the name, beginning with 'adb', of a program on PATH: a "
                           "device's file may not say what else runs on this machine",
                           "if you trust that program: export EDGENAS_ADB=PATH")
    if options.server:
        found = SERVER.fullmatch(options.server)
        if found is None or not 0 < int(found["port"]) < 65536:
            raise wrong_option("server", options.server, "it must be a port, or host:port, of an adb server")
    if not options.folder.startswith("/"):
        raise wrong_option("folder", options.folder, "it must begin with '/'")
