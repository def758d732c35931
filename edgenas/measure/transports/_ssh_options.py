"""What a device's file says of its ssh connection, and the command line that follows from it."""

from __future__ import annotations

import math
import os
import re
import shlex
from dataclasses import dataclass, fields
from pathlib import Path

from edgenas.errors import UsageError, unknown
from edgenas.measure.device import Device, wrong_option
from edgenas.measure.programs import chosen
from edgenas.text import quoted

CONFIG = "EDGENAS_SSH_CONFIG"
# A user's configuration may hand host and user to a shell (ProxyCommand, Match exec).
HOST = re.compile(r"(ssh://)?(\w[\w.@+-]*@)?[\w\[:][\w.:%\[\]-]*")
PYTHON = re.compile(r"(~?/(?:[^/]*/)*)?(python|pypy)[\w.-]*")
ALWAYS = ("BatchMode=yes", "LogLevel=ERROR", "RemoteCommand=none", "PermitLocalCommand=no", "ClearAllForwardings=yes",
          "ControlPersist=no", "ServerAliveInterval=10", "ServerAliveCountMax=3")
"""No questions, only errors on stderr, our command and nothing else, nothing that stays, and a dead line is noticed
within 30 s: whatever the user's configuration says of these.
"""


@dataclass(frozen=True)
class SshOptions:
    """host: as `ssh` takes it (an alias of the user's ssh config, user@name).

    python: the device's interpreter; folder: where jobs get a folder of their own. Both may begin with `~/`. What ssh
    itself runs is the user's alone to say: in ~/.ssh/config, or in the file that EDGENAS_SSH_CONFIG names.
    """

    host: str
    python: str = "python3"
    folder: str = "/tmp"
    connect_timeout_s: float = 10.0

    def command(self, script: str, *flags: str) -> list[str]:
        """What runs `script` on the device, in a POSIX shell whatever the user's login shell is."""
        options = [*ALWAYS, f"ConnectTimeout={math.ceil(self.connect_timeout_s)}"]
        return [chosen("ssh"), *_config(), "-T", "-a", "-x", *(f"-o{option}" for option in options), *flags, "--",
                self.host, f"exec sh -c {shlex.quote(script)}"]

    def by_hand(self, command: str = "") -> str:
        """What the user would type to reach the device."""
        return " ".join([*map(shlex.quote, (chosen("ssh"), *_config(), self.host)), *([command] if command else [])])


def _config() -> list[str]:
    """Raises: UsageError for a file of the user's that is not there."""
    path = os.environ.get(CONFIG, "")
    if path and not Path(path).expanduser().is_file():
        raise UsageError(f"{CONFIG} is {quoted(path)}, which is no file",
                         f"unset {CONFIG}, or set it to one for ssh -F")
    return ["-F", str(Path(path).expanduser())] if path else []


def read_options(device: Device) -> SshOptions:
    """Raises: UsageError naming the option and the rule that it breaks."""
    known = {field.name: str if field.type == "str" else float for field in fields(SshOptions)}
    if "config" in device.options:
        raise wrong_option("config", device.options["config"], "a device's file may not name an ssh configuration, "
                           "which can run programs on this machine",
                           f"remove it there; if you trust that configuration: export {CONFIG}=PATH")
    for key, value in device.options.items():
        if key not in known:
            raise unknown("option of transport 'ssh'", key, known)
        if known[key] is str:
            _check_text(key, value)
        elif isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 3600:
            raise wrong_option(key, value, "it must be a number of seconds, above 0 and at most 3600")
    if "host" not in device.options:
        raise UsageError(f"device {device.name!r} does not say which host it is",
                         'write host = "user@name" under [options] in its file')
    options = SshOptions(**device.options)  # type: ignore[arg-type]  # checked above
    _check(options)
    _config()
    return options


def _check_text(key: str, value: object) -> None:
    if not isinstance(value, str) or not value:
        raise wrong_option(key, value, "it must be a text")
    if not value.isprintable():
        raise wrong_option(key, value, "it must have no control characters")


def _check(options: SshOptions) -> None:
    if not HOST.fullmatch(options.host):
        raise wrong_option("host", options.host, "it must be name, user@name or ssh://user@name:port, of letters, "
                           "digits and . _ - + : %")
    if not options.folder.startswith(("/", "~/")):
        raise wrong_option("folder", options.folder, "it must begin with '/' or '~/'")
    if not PYTHON.fullmatch(options.python):
        raise wrong_option("python", options.python, "it must be the name of a Python, or its path from '/' or '~/' on")
