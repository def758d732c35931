"""What went wrong over ssh, in one sentence, from exit statuses and what ssh and the device wrote to stderr."""

from __future__ import annotations

import re

from edgenas.errors import DeviceError, LinkLost
from edgenas.measure.packages import how_to_install
from edgenas.measure.process import TAIL, Ended, ended
from edgenas.measure.transports._link_rules import Rule, by_rule, last_line
from edgenas.measure.transports._remote_script import NO_FOLDER, NO_TIMEOUT, OWN_255
from edgenas.measure.transports._ssh_options import SshOptions
from edgenas.text import quoted

SSH_FAILED = 255

RULES = (
    Rule("REMOTE HOST IDENTIFICATION HAS CHANGED", "the host key of {host!r} is another than the one ssh knows",
         "if the device was set up anew, forget the old key (ssh-keygen -R NAME) and accept the new one: {ssh}"),
    Rule("Host key verification failed|host key is known", "ssh does not know the host key of {host!r}",
         "look at the key and accept it: {ssh}"),
    Rule("Permission denied|Too many authentication failures", "{host!r} lets nobody in with the keys that ssh offered",
         "make this work without a password: {try}   (ssh-copy-id puts your key there)"),
    Rule("Bad configuration option|[Bb]ad configuration|user config file|Bad owner or permissions|unsupported option",
         "ssh cannot use its configuration: {words}", "mend it until this works: {try}"),
    Rule("Could not resolve hostname", "no host is known by the name {host!r}",
         "set options.host in the device's file to a name or address that answers: {try}", True),
    Rule("Connection refused", "{host!r} refuses the connection: nothing listens on its ssh port",
         "start its ssh server, or see what answers: {try}", True),
    Rule("timed out|No route to host|Network is unreachable|Host is down|not responding", "{host!r} cannot be reached",
         "see that it is on and connected: {try}", True),
    Rule("Connection closed|Connection reset|closed by remote host|kex_exchange_identification|Broken pipe|booting up",
         "{host!r} closed the connection before anyone was logged in", "see what it says: {try}", True),
)


def no_connection(options: SshOptions, error: Ended, met: bool) -> DeviceError:
    """Why a session did not begin. If the device was `met` before, it may come back: LinkLost."""
    if error.status == NO_FOLDER:
        return DeviceError(f"no folder can be made under {options.folder!r} on {options.host!r}: "
                           f"{last_line(error.words)}",
                           "set options.folder in the device's file to a folder that can be written there")
    if error.status == NO_TIMEOUT:
        return DeviceError(f"{options.host!r} has no program 'timeout'", "install coreutils or busybox there")
    told = {"host": options.host, "ssh": options.by_hand(), "try": options.by_hand("true"),
            "words": " ".join(error.words.split())[-TAIL:]}
    if known := by_rule(RULES, error.words, told, met):
        return known
    how = told["words"] or f"it ended with exit status {error.status}"
    return DeviceError(f"ssh to {options.host!r} failed: {how}", f"see what it says: {told['try']}")


def no_answer(options: SshOptions, waited_s: float, met: bool) -> DeviceError:
    return (LinkLost if met else DeviceError)(f"{options.host!r} did not answer within {waited_s:g} s",
                                              f"see that it is well: {options.by_hand('true')}")


def no_files(options: SshOptions, error: Ended, need_kib: int, free_kib: int | None) -> DeviceError:
    """Why the job's files did not arrive."""
    if broken(error):
        return link_lost(options)
    if "No space left" in error.words or "quota exceeded" in error.words:
        return disk_full(options, need_kib, free_kib)
    if error.status == 127 or "failed to run command" in error.words:
        return DeviceError(f"{options.host!r} has no program 'tar'", "install it there")
    return DeviceError(f"the files could not be unpacked on {options.host!r}: {last_line(error.words)}",
                       "run the same command again")


def disk_full(options: SshOptions, need_kib: int, free_kib: int | None) -> DeviceError:
    free = "less than that is" if free_kib is None else f"{free_kib} KiB are"
    return DeviceError(f"the disk of {options.host!r} is full: the files take {need_kib} KiB under "
                       f"{options.folder!r}, and {free} free",
                       "free some space there, or set options.folder in the device's file")


def job_failed(options: SshOptions, error: Ended, program: str) -> DeviceError:
    """Why the command failed, or that the connection broke."""
    if broken(error):
        return link_lost(options)
    if error.status == 127:
        return DeviceError(f"{options.host!r} has no program {program!r}",
                           "set options.python in the device's file to the Python there"
                           if program == options.python else "")
    if error.status == 126:
        return DeviceError(f"{options.host!r} cannot run {program!r}: {last_line(error.words)}")
    missing = re.search(r"ModuleNotFoundError: No module named '([\w.]{1,200})'", error.words)
    if missing and program == options.python:
        return DeviceError(f"{program} on {options.host!r} lacks the package {quoted(missing[1], 80)}",
                           how_to_install(missing[1], options.by_hand(f"{options.python} -m pip install")))
    return ended(_status(error.status), error.words)


def _status(shells: int) -> int:
    """Of the command, signals below 0, from what its shell says."""
    if shells == OWN_255:
        return 255
    return 128 - shells if 128 < shells <= 128 + 64 else shells


def broken(error: Ended) -> bool:
    """Whether ssh itself failed, or was killed, rather than what it ran."""
    return error.status == SSH_FAILED or error.status < 0


def link_lost(options: SshOptions) -> LinkLost:
    return LinkLost(f"the connection to {options.host!r} broke", "run the same command again")
