"""What a device's file says of its ssh connection, and the command line that follows from it."""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass, fields
from pathlib import Path

from edgenas.errors import UsageError, unknown
from edgenas.measure.device import Device

ALWAYS = ("BatchMode=yes", "LogLevel=ERROR", "RemoteCommand=none", "PermitLocalCommand=no", "ClearAllForwardings=yes",
          "ControlPersist=no", "ServerAliveInterval=10", "ServerAliveCountMax=3")
"""No questions, only errors on stderr, our command and nothing else, nothing that stays, and a dead line is noticed
within 30 s: whatever the user's configuration says of these.
"""


@dataclass(frozen=True)
class SshOptions:
    """host: as `ssh` takes it (an alias of the user's ssh config, user@name). config: a file for `ssh -F`.

    python: the device's interpreter; folder: where jobs get a folder of their own. Both may begin with `~/`.
    """

    host: str
    config: str = ""
    python: str = "python3"
    folder: str = "/tmp"
    connect_timeout_s: float = 10.0

    def command(self, script: str, *flags: str) -> list[str]:
        """What runs `script` on the device, in a POSIX shell whatever the user's login shell is."""
        options = [*ALWAYS, f"ConnectTimeout={math.ceil(self.connect_timeout_s)}"]
        return ["ssh", *self._config(), "-T", "-a", "-x", *(f"-o{option}" for option in options), *flags, "--",
                self.host, f"exec sh -c {shlex.quote(script)}"]

    def by_hand(self, command: str = "") -> str:
        """What the user would type to reach the device."""
        return " ".join(["ssh", *map(shlex.quote, (*self._config(), self.host)), *([command] if command else [])])

    def _config(self) -> list[str]:
        return ["-F", str(Path(self.config).expanduser())] if self.config else []


def read_options(device: Device) -> SshOptions:
    """Raises: UsageError naming the option and the rule that it breaks."""
    known = {field.name: str if field.type == "str" else float for field in fields(SshOptions)}
    for key, value in device.options.items():
        if key not in known:
            raise unknown("option of transport 'ssh'", key, known)
        if known[key] is str:
            _check_text(key, value)
        elif isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 3600:
            raise _wrong(key, value, "it must be a number of seconds, above 0 and at most 3600")
    if "host" not in device.options:
        raise UsageError(f"device {device.name!r} does not say which host it is",
                         'write host = "user@name" under [options] in its file')
    options = SshOptions(**device.options)  # type: ignore[arg-type]  # checked above
    _check(options)
    return options


def _check_text(key: str, value: object) -> None:
    if not isinstance(value, str) or not value:
        raise _wrong(key, value, "it must be a text")
    if not value.isprintable():
        raise _wrong(key, value, "it must have no control characters")


def _check(options: SshOptions) -> None:
    if options.host.startswith("-") or any(character.isspace() for character in options.host):
        raise _wrong("host", options.host, "it must not begin with '-' or contain spaces")
    if not options.folder.startswith(("/", "~/")):
        raise _wrong("folder", options.folder, "it must begin with '/' or '~/'")
    if options.python.startswith("-") or ("/" in options.python and not options.python.startswith(("/", "~/"))):
        raise _wrong("python", options.python, "it must be the name of a program, or a path from '/' or '~/' on")
    if options.config and not Path(options.config).expanduser().is_file():
        raise _wrong("config", options.config, "there is no such file")


def _wrong(key: str, value: object, rule: str) -> UsageError:
    return UsageError(f"options.{key} is {value!r}; {rule}", "mend it in the device's file")
