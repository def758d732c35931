from __future__ import annotations

import pytest

from edgenas.errors import UsageError
from edgenas.measure.device import Device, load_device
from edgenas.measure.transports._adb_options import AdbOptions, read_options


def options(**values: str | int | bool) -> AdbOptions:
    return read_options(Device(name="phone", description="x", transport="adb", runtimes=("binary",), options=values))


def test_the_example_needs_nothing_more():
    device = load_device("android-phone")
    assert (device.target, load_device("host").target) == ("aarch64", "host")
    found = read_options(device)
    assert found == AdbOptions() and found.command("shell", "id") == ["adb", "shell", "id"]


def test_the_command_line():
    found = options(serial="0123", adb="adb-34", server="5038", folder="/data/local")
    assert found.command("push", "a", "b") == ["adb-34", "-P", "5038", "-s", "0123", "push", "a", "b"]
    assert found.by_hand("devices", "-l") == "adb-34 -P 5038 devices -l"
    assert options(server=5038).command("devices") == ["adb", "-P", "5038", "devices"]
    assert options(server="lab:5038").command("connect", "x:1") == ["adb", "-H", "lab", "-P", "5038", "connect", "x:1"]


def test_the_users_own_adb(monkeypatch):
    monkeypatch.setenv("EDGENAS_ADB", "/opt/adb")
    assert options(adb="adb-34").command("devices") == ["/opt/adb", "devices"]


@pytest.mark.parametrize(("serial", "network"), [
    ("192.168.0.7:5555", True), ("phone.lab:5555", True), ("emulator-5554", False), ("0123456789ABCDEF", False)])
def test_what_is_on_the_network(serial, network):
    assert options(serial=serial).on_network is network


@pytest.mark.parametrize(("values", "message"), [
    ({"port": 5555}, "'port' is no known option of transport 'adb'"),
    ({"serial": ""}, "options.serial is ''; it must be a text"),
    ({"serial": 123}, "options.serial is 123; it must be a text"),
    ({"serial": "-a"}, "options.serial is '-a'; it must be a serial number"),
    ({"serial": "a b"}, "options.serial is 'a b'; it must be a serial number"),
    ({"serial": "./a"}, "options.serial is './a'; it must be a serial number"),
    ({"serial": "a\nb"}, "it must be a text"),
    ({"server": True}, "options.server is True; it must be a text"),
    ({"server": "0"}, "options.server is '0'; it must be a port, or host:port"),
    ({"server": "70000"}, "it must be a port"),
    ({"server": "$(x):5037"}, "it must be a port"),
    ({"server": "-x:5037"}, "it must be a port"),
    ({"server": "host"}, "it must be a port"),
    ({"adb": "-s"}, "options.adb is '-s'; it must be the name, beginning with 'adb', of a program on PATH"),
    ({"adb": "./evil.sh"}, "a device's file may not say what else runs on this machine"),
    ({"adb": "/tmp/adb"}, "of a program on PATH"),
    ({"adb": "python3"}, "of a program on PATH"),
    ({"folder": "tmp"}, "options.folder is 'tmp'; it must begin with '/'"),
])
def test_a_wrong_option_is_one_clear_sentence(values, message):
    with pytest.raises(UsageError, match=message):
        options(**values)
