"""What went wrong over adb, in one sentence, from what adb and the phone wrote to stderr."""

from __future__ import annotations

import re

from edgenas.errors import DeviceError, LinkLost
from edgenas.measure.process import TAIL, Ended, ended
from edgenas.measure.programs import signal_of
from edgenas.measure.transports._adb_options import AdbOptions
from edgenas.measure.transports._link_rules import Rule, by_rule, last_line
from edgenas.measure.transports._remote_script import NO_FOLDER, NO_TIMEOUT

AGAIN = "then run the same command again"
RULES = (
    Rule("device unauthorized", "{phone} does not let this computer in: it is unauthorized",
         f"unlock its screen and accept the dialog that asks to allow USB debugging, {AGAIN}"),
    Rule("no permissions|insufficient permissions", "this computer's user may not use the USB connection of {phone}",
         f"apt install android-sdk-platform-tools-common, plug the phone in again, {AGAIN}"),
    Rule("more than one (device|emulator)", "several devices are attached and the device's file does not say which it "
         "is; attached: {attached}", 'write serial = "…" under [options] in the device\'s file'),
    Rule("device still (authorizing|connecting)", "{phone} is still connecting", f"wait a moment, {AGAIN}", True),
    Rule("device offline", "{phone} is offline", f"unplug it and plug it in again, {AGAIN}", True),
    Rule("device '.*' not found", "{phone} is not attached; attached: {attached}",
         "set serial under [options] in the device's file to one that this lists: {list}", True),
    Rule("no (devices|emulators)( found|/)", "no phone is attached",
         f"switch USB debugging on in its developer options and plug it in, {AGAIN}", True),
    Rule("cannot connect to daemon|failed to check server version|failed to start daemon|daemon still not running",
         "the adb server does not answer: {words}", "see what this says: {list}", True),
    Rule("closed|EOF|protocol fault|[Bb]roken pipe|reset by peer|couldn't read|failed to read|connect failed",
         "the connection to {phone} broke", "see that it is attached: {list}", True),
)


def no_connection(options: AdbOptions, words: str, met: bool, attached: str) -> DeviceError:
    """Why adb did not do what it was told. If the phone was `met` before, it may come back: LinkLost.

    attached: the devices that adb knows, in words.
    """
    said = " ".join(words.split())[-TAIL:]
    told = {"phone": phone(options), "attached": attached, "words": said, "list": options.by_hand("devices", "-l")}
    if known := by_rule(RULES, words, told, met):
        return known
    if met and not said:  # adb itself was ended
        return link_lost(options)
    return DeviceError(f"adb failed: {said or 'it does not say why'}", f"see what this says: {told['list']}")


def link_lost(options: AdbOptions) -> LinkLost:
    return LinkLost(f"the connection to {phone(options)} broke",
                    f"see that it is attached ({options.by_hand('devices', '-l')}), {AGAIN}")


def disk_full(options: AdbOptions, need_kib: int, free_kib: int | None) -> DeviceError:
    free = "less than that is" if free_kib is None else f"{free_kib} KiB are"
    return DeviceError(f"the disk of {phone(options)} is full: the files take {need_kib} KiB under "
                       f"{options.folder!r}, and {free} free",
                       "free some space there, or set folder under [options] in the device's file")


def no_folder(options: AdbOptions, words: str) -> DeviceError:
    return DeviceError(f"no folder can be made under {options.folder!r} on {phone(options)}: {last_line(words)}",
                       "set folder under [options] in the device's file to one that adb's shell may write to")


def job_failed(options: AdbOptions, status: int, words: str, program: str) -> DeviceError:
    """Why the command failed on the phone."""
    if status == NO_FOLDER:
        return no_folder(options, words)
    if status == NO_TIMEOUT:
        return DeviceError(f"{phone(options)} has no program 'timeout'", "it needs Android 8 or later")
    if status == 127:
        return DeviceError(f"{phone(options)} has no program {program!r}")
    if status == 126:
        return DeviceError(f"{phone(options)} cannot run {program!r}: {last_line(words)}")
    return ended(-signal_of(status) or status, words)


def phone(options: AdbOptions) -> str:
    return f"the phone {options.serial!r}" if options.serial else "the phone"


def failed_push(options: AdbOptions, error: Ended, need_kib: int, free_kib: int | None, trouble: DeviceError,
                ) -> DeviceError:
    """Why the job's files did not arrive. trouble: what it is if it is not the phone's disk."""
    if re.search("No space left|[Qq]uota exceeded", error.words):
        return disk_full(options, need_kib, free_kib)
    if re.search("Permission denied|Read-only file system|Operation not permitted", error.words):
        return no_folder(options, error.words)
    return trouble
