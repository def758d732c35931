from __future__ import annotations

import pytest

from edgenas.errors import UsageError
from edgenas.measure.device import Device, device_names, load_device
from edgenas.measure.ssh_options import read_options
from edgenas.measure.transport import open_transport


def device(**options: object) -> Device:
    return Device(name="board", description="a board", transport="ssh", runtimes=("mock",), options=options)


def test_only_the_host_must_be_said():
    found = read_options(device(host="pi@board.local"))
    assert (found.python, found.folder, found.connect_timeout_s, found.config) == ("python3", "/tmp", 10, "")


def test_the_command_asks_nothing_and_is_one_word_for_ssh(tmp_path):
    config = tmp_path / "config"
    config.touch()
    command = read_options(device(host="board", config=str(config), connect_timeout_s=2.5)).command("echo 'a b'", "-M")
    assert command[:3] == ["ssh", "-F", str(config)] and {"-oBatchMode=yes", "-oConnectTimeout=3", "-M"} < set(command)
    assert command[-3:] == ["--", "board", "exec sh -c 'echo '\"'\"'a b'\"'\"''"]


def test_what_is_typed_by_hand_can_be_pasted(tmp_path):
    config = tmp_path / "my config"
    config.touch()
    options = read_options(device(host="board", config=str(config)))
    assert options.by_hand("true") == f"ssh -F '{config}' board true"


@pytest.mark.parametrize(("options", "message"), [
    ({}, "device 'board' does not say which host it is"),
    ({"host": ""}, "options.host is ''; it must be a text"),
    ({"host": 7}, "options.host is 7; it must be a text"),
    ({"host": "-oProxyCommand=touch x"}, "it must not begin with '-' or contain spaces"),
    ({"host": "a b"}, "it must not begin with '-' or contain spaces"),
    ({"host": "a\nb"}, "options.host is 'a\\nb'; it must have no control characters"),
    ({"host": "a", "hots": "b"}, "'hots' is no known option of transport 'ssh'"),
    ({"host": "a", "python": "-c"}, "options.python is '-c'"),
    ({"host": "a", "python": "venv/bin/python"}, "a path from '/' or '~/' on"),
    ({"host": "a", "python": "py\x1b"}, "it must have no control characters"),
    ({"host": "a", "folder": "tmp"}, "options.folder is 'tmp'; it must begin with '/' or '~/'"),
    ({"host": "a", "config": "/no/such/file"}, "options.config is '/no/such/file'; there is no such file"),
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
