"""On what adb 29 to 35 and phones say, word for word."""

from __future__ import annotations

import re

import pytest

from edgenas.errors import DeviceError, LinkLost
from edgenas.measure.process import ended
from edgenas.measure.transports._adb_errors import RULES, disk_full, failed_push, job_failed, link_lost, no_connection
from edgenas.measure.transports._adb_options import AdbOptions
from edgenas.measure.transports._remote_script import NO_FOLDER, NO_TIMEOUT

OPTIONS = AdbOptions(serial="0123")
UNAUTHORIZED = """error: device unauthorized.
This adb server's $ADB_VENDOR_KEYS is not set
Try 'adb kill-server' if that seems wrong.
Otherwise check for a confirmation dialog on your device."""
NO_SERVER = """* cannot start server on remote host
adb: failed to check server version: cannot connect to daemon at tcp:127.0.0.1:23599: failed to connect to \
'127.0.0.1:23599': Connection refused"""
PERMISSIONS = """error: insufficient permissions for device: user in plugdev group; are your udev rules wrong?
See [http://developer.android.com/tools/device.html] for more information"""
SAYINGS = [
    (UNAUTHORIZED, "the phone '0123' does not let this computer in: it is unauthorized", "accept the dialog", False),
    ("adb: device unauthorized.", "it is unauthorized", "unlock its screen", False),
    (PERMISSIONS, "this computer's user may not use the USB connection of the phone '0123'", "apt install", False),
    ("error: more than one device/emulator", "several devices are attached .*; attached: A, B$", "serial = ", False),
    ("adb: more than one device/emulator", "several devices are attached", "serial = ", False),
    ("error: device '0123' not found", "the phone '0123' is not attached; attached: A, B$", "adb devices -l", True),
    ("adb: device '0123' not found", "is not attached", "adb devices -l", True),
    ("error: device offline", "the phone '0123' is offline", "unplug it and plug it in again", True),
    ("adb: device offline", "is offline", "unplug", True),
    ("error: device still authorizing", "is still connecting", "wait a moment", True),
    ("error: device still connecting", "is still connecting", "wait a moment", True),
    ("error: no devices/emulators found", "no phone is attached", "switch USB debugging on", True),
    ("adb: no devices/emulators found", "no phone is attached", "switch USB debugging on", True),
    ("error: no devices found", "no phone is attached", "switch USB debugging on", True),
    (NO_SERVER, "the adb server does not answer: .*Connection refused", "adb devices -l", True),
    ("error: closed", "the connection to the phone '0123' broke", "adb devices -l", True),
    ("adb: error: failed to read copy response: EOF", "the connection to the phone '0123' broke", "see that", True),
    ("error: protocol fault (couldn't read status): Success", "broke", "adb devices -l", True),
]


@pytest.mark.parametrize(("words", "message", "hint", "passing"), SAYINGS)
def test_what_adb_says_in_one_sentence(words, message, hint, passing):
    first, later = (no_connection(OPTIONS, words, met, "A, B") for met in (False, True))
    assert type(first) is DeviceError
    assert type(later) is (LinkLost if passing else DeviceError)
    for error in (first, later):
        with pytest.raises(DeviceError, match=message):
            raise error
        assert hint in error.hint and "\n" not in error.message


def test_every_rule_is_tried():
    used = [next(rule for rule in RULES if re.search(rule.pattern, words)) for words, *_ in SAYINGS]
    assert set(used) == set(RULES)


def test_other_words_are_shown():
    error = no_connection(OPTIONS, "adb: something\nelse", True, "none")
    assert type(error) is DeviceError and error.message == "adb failed: adb: something else"
    assert no_connection(OPTIONS, "", False, "none").message == "adb failed: it does not say why"


def test_an_adb_that_was_killed_without_a_word_is_a_lost_link():
    assert isinstance(no_connection(OPTIONS, "", True, "none"), LinkLost)


@pytest.mark.parametrize(("status", "words", "message"), [
    (NO_FOLDER, "mktemp: Permission denied", "no folder can be made under '/data/local/tmp' on the phone .*: mktemp"),
    (NO_TIMEOUT, "", "the phone '0123' has no program 'timeout'"),
    (127, "", "has no program 'sh'"), (126, "sh: ./x: can't execute", "cannot run 'sh': sh: ./x"),
    (139, "", "the worker was killed by SIGSEGV"), (7, "oops", "the worker ended with exit status 7; .*: oops"),
])
def test_a_job_that_failed(status, words, message):
    with pytest.raises(DeviceError, match=message):
        raise job_failed(OPTIONS, status, words, "sh")


FULL = "adb: error: failed to copy 'a' to '/data/local/tmp/a': remote No space left on device"
DENIED = "adb: error: failed to copy 'a' to '/data/local/tmp/a': remote couldn't create file: Permission denied"


def test_a_push_that_failed():
    lost = link_lost(OPTIONS)
    full = failed_push(OPTIONS, ended(1, FULL), 12, 8, lost)
    assert full.message == disk_full(OPTIONS, 12, 8).message == (
        "the disk of the phone '0123' is full: the files take 12 KiB under '/data/local/tmp', and 8 KiB are free")
    assert "less than that is free" in failed_push(OPTIONS, ended(1, FULL), 12, None, lost).message
    assert "no folder can be made" in failed_push(OPTIONS, ended(1, DENIED), 12, 8, lost).message
    assert failed_push(OPTIONS, ended(1, "error: closed"), 12, 8, lost) is lost


def test_a_phone_without_a_serial_is_named_too():
    assert link_lost(AdbOptions()).message == "the connection to the phone broke"
