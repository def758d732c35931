from __future__ import annotations

import pytest

from edgenas.errors import UsageError
from edgenas.measure.device import Device, device_names, load_device
from edgenas.measure.transport import open_transport
from edgenas.measure.transports._ssh_options import read_options


def device(**options: object) -> Device:
    return Device(name="board", description="a board", transport="ssh", runtimes=("mock",), options=options)


def test_only_the_host_must_be_said():
    found = read_options(device(host="pi@board.local"))
    assert (found.python, found.folder, found.connect_timeout_s) == ("python3", "/tmp", 10)


@pytest.mark.parametrize("host", ["board", "pi@board.local", "me@lab@gate", "192.168.0.7", "fe80::1%eth0", "[::1]",
                                  "ssh://pi@board:2222", "bücher.example"])
def test_hosts_as_ssh_takes_them(host):
    assert read_options(device(host=host)).host == host


@pytest.mark.parametrize("python", ["python3", "python3.11", "~/venv/bin/python", "/opt/conda/bin/pypy3"])
def test_pythons(python):
    assert read_options(device(host="a", python=python)).python == python


def test_the_command_asks_nothing_and_is_one_word_for_ssh(tmp_path, monkeypatch):
    config = tmp_path / "config"
    config.touch()
    monkeypatch.setenv("EDGENAS_SSH_CONFIG", str(config))
    command = read_options(device(host="board", connect_timeout_s=2.5)).command("echo 'a b'", "-M")
    assert command[:3] == ["ssh", "-F", str(config)] and {"-oBatchMode=yes", "-oConnectTimeout=3", "-M"} < set(command)
    assert command[-3:] == ["--", "board", "exec sh -c 'echo '\"'\"'a b'\"'\"''"]


def test_what_is_typed_by_hand_can_be_pasted(tmp_path, monkeypatch):
    config = tmp_path / "my config"
    config.touch()
    options = read_options(device(host="board"))
    assert options.by_hand("true") == "ssh board true"
    monkeypatch.setenv("EDGENAS_SSH_CONFIG", str(config))
    monkeypatch.setenv("EDGENAS_SSH", "/opt/my ssh")
    assert options.by_hand("true") == f"'/opt/my ssh' -F '{config}' board true"


def test_a_configuration_of_the_users_that_is_not_there(monkeypatch):
    monkeypatch.setenv("EDGENAS_SSH_CONFIG", "/no/such/file")
    with pytest.raises(UsageError, match="EDGENAS_SSH_CONFIG is '/no/such/file', which is no file"):
        read_options(device(host="board"))


def test_a_devices_file_names_no_configuration_which_could_run_programs(tmp_path):
    """With `ProxyCommand touch ran` in it, say."""
    (tmp_path / "config").write_text(f"Host *\n  ProxyCommand touch {tmp_path}/ran\n")
    with pytest.raises(UsageError, match="a device's file may not name an ssh configuration") as caught:
        open_transport(device(host="board", config=str(tmp_path / "config"))).reach(5)
    assert "EDGENAS_SSH_CONFIG" in caught.value.hint and not (tmp_path / "ran").exists()


@pytest.mark.parametrize(("options", "message"), [
    ({}, "device 'board' does not say which host it is"),
    ({"host": ""}, "options.host is ''; it must be a text"),
    ({"host": 7}, "options.host is 7; it must be a text"),
    ({"host": "-oProxyCommand=touch x"}, "it must be name, user@name or ssh://user@name:port"),
    ({"host": "-oProxyCommand=x"}, "it must be name, user@name"),
    ({"host": "pi@-oProxyCommand=x"}, "it must be name, user@name"),
    ({"host": "ssh://-oProxyCommand=x"}, "it must be name, user@name"),
    ({"host": "-l@a"}, "it must be name, user@name"),
    ({"host": "$(touch x)@a"}, "it must be name, user@name"),
    ({"host": "a`touch x`"}, "it must be name, user@name"),
    ({"host": "a;b"}, "it must be name, user@name"),
    ({"host": "a b"}, "it must be name, user@name"),
    ({"host": "a" * 9000 + ";"}, "it must be name, user@name"),
    ({"host": "a\nb"}, "options.host is 'a\\nb'; it must have no control characters"),
    ({"host": "a", "hots": "b"}, "'hots' is no known option of transport 'ssh'"),
    ({"host": "a", "python": "-c"}, "options.python is '-c'"),
    ({"host": "a", "python": "venv/bin/python"}, "its path from '/' or '~/' on"),
    ({"host": "a", "python": "reboot"}, "it must be the name of a Python"),
    ({"host": "a", "python": "/bin/sh"}, "it must be the name of a Python"),
    ({"host": "a", "python": "py\x1b"}, "it must have no control characters"),
    ({"host": "a", "folder": "tmp"}, "options.folder is 'tmp'; it must begin with '/' or '~/'"),
    ({"host": "a", "connect_timeout_s": 0}, "options.connect_timeout_s is 0; it must be a number of seconds"),
    ({"host": "a", "connect_timeout_s": True}, "options.connect_timeout_s is True"),
    ({"host": "a", "connect_timeout_s": "1"}, "options.connect_timeout_s is '1'"),
    ({"host": "a", "connect_timeout_s": float("nan")}, "options.connect_timeout_s is nan"),
])
def test_what_cannot_be_used_is_refused_at_once(options, message):
    with pytest.raises(UsageError) as caught:
        open_transport(device(**options))
    assert message in caught.value.message and caught.value.hint


def test_the_nearest_option_is_named():
    with pytest.raises(UsageError) as caught:
        read_options(device(host="a", pyhton="b"))
    assert "did you mean 'python'?" in caught.value.hint


def test_the_devices_that_come_with_edgenas_can_be_used_when_their_host_is_set():
    found = [load_device(name) for name in device_names()]
    over_ssh = [one for one in found if one.transport == "ssh"]
    assert {"raspberry-pi", "jetson"} <= {one.name for one in over_ssh}
    assert all(read_options(one).host for one in over_ssh)
