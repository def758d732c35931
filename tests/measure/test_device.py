from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from edgenas.errors import UsageError
from edgenas.measure.device import Device, device_file, device_names, load_device
from edgenas.measure.runtime import runtime_names

BOARD = """
name = "board"
description = "A board"
runtimes = ["litert"]
threads = 4
"""


def test_the_devices_that_come_with_edgenas():
    assert {"host", "mock"} <= set(device_names())
    assert load_device("host").runtimes == ("onnxruntime", "litert", "tvm")
    assert "without hardware" in load_device("mock").description


@pytest.mark.parametrize("name", device_names())
def test_every_device_loads(name):
    device = load_device(name)
    assert device.name == name and set(device.runtimes) <= set(runtime_names())


def test_a_file_of_the_users_own(tmp_path, monkeypatch):
    (tmp_path / "board.toml").write_text(BOARD)
    monkeypatch.chdir(tmp_path)
    wanted = Device(name="board", description="A board", transport="local", runtimes=("litert",), threads=4)
    assert load_device("board.toml") == load_device("./board.toml") == load_device(f"{tmp_path}/board.toml") == wanted


def test_a_file_of_the_users_own_may_not_take_the_name_of_another_device(tmp_path):
    path = tmp_path / "host.toml"
    path.write_bytes(Path(str(device_file("host"))).read_bytes())
    assert load_device(str(path)) == load_device("host"), "a copy is the same device"
    path.write_text(path.read_text().replace("threads = 1", "threads = 2"))
    with pytest.raises(UsageError, match="two devices are named 'host': the one in .*host.toml and") as caught:
        load_device(str(path))
    assert "another name" in caught.value.hint


def test_is_a_value():
    with pytest.raises(ValidationError):
        load_device("host").threads = 2


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(UsageError, match="'hots' is no known device") as caught:
        load_device("hots")
    assert "did you mean 'host'?" in caught.value.hint


@pytest.mark.parametrize(("text", "message", "hint"), [
    ("name = ", "is no TOML file", "mend"),
    ("name = 'b\xff'".encode("latin-1"), "is no TOML file", "mend"),
    (BOARD.replace("threads", "treads"), "'treads' is no known key of a device", "did you mean 'threads'?"),
    (BOARD.replace("litert", "litter"), "'litter' is no known runtime", "did you mean 'litert'?"),
    (BOARD + "transport = 'locl'", "'locl' is no known transport", "did you mean 'local'?"),
    (BOARD.replace('["litert"]', "[]"), "is wrong at 'runtimes'", "mend"),
    (BOARD.replace('["litert"]', '["litert", "litert"]'), "one is named twice", "once"),
    (BOARD.replace("= 4", "= 0"), "is wrong at 'threads'", "mend"),
    (BOARD.replace("= 4", "= true"), "is wrong at 'threads'", "mend"),
    (BOARD.replace('name = "board"', ""), "is wrong at 'name': Field required", "mend"),
    (BOARD.replace('"board"', '"bo/ard"'), "is wrong at 'name'", "mend"),
    (BOARD.replace('"board"', '"host"'), "must have the same name", "write name = 'board'"),
])
def test_a_wrong_file_is_one_clear_sentence(tmp_path, text, message, hint):
    path = tmp_path / "board.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UsageError) as caught:
        load_device(str(path))
    assert str(path) in caught.value.message and message in caught.value.message
    assert "\n" not in caught.value.message and hint in caught.value.hint


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(UsageError, match="the device's file cannot be used: cannot read .*none.toml: No such file"):
        load_device(str(tmp_path / "none.toml"))
    with pytest.raises(UsageError, match="is a folder, not a regular file"):
        load_device(f"{tmp_path}/")
    os.mkfifo(tmp_path / "pipe.toml")
    with pytest.raises(UsageError, match="is a pipe, not a regular file"):
        load_device(str(tmp_path / "pipe.toml"))
    (tmp_path / "zero.toml").symlink_to("/dev/zero")
    with pytest.raises(UsageError, match="is a device, not a regular file"):
        load_device(str(tmp_path / "zero.toml"))
    with pytest.raises(UsageError, match="null"):
        load_device("a\0.toml")


@pytest.mark.parametrize("text", [
    "a = " + "[" * 20_000,
    "[" + ".".join("a" * 20_000) + "]",
    "options.x = " + "{a=" * 9000,
    "#" * 100_000,
    "threads = " + "9" * 10_000,
    "threads = 0x" + "f" * 10_000,
    "threads = 9223372036854775809",
    "threads = 1e400",
    "threads = true",
    "threads = 1979-05-27",
    "options = 3",
    "options.a = 1979-05-27",
    "options.a = [1]",
    "options.connect_timeout_s = 0x" + "f" * 10_000,
    "settings = [1]",
    "settings.litert = 3",
    "settings.litert.core = inf",
    "settings.litert.clock_mhz = inf",
    "settings.litert.clock_mhz = nan",
    "settings.litert.clock_mhz = 200",
    '"\\u001b[2J" = 1',
    '"\\u001b[2J".a = 1',
    'runtimes = "litert"',
    'runtimes = ["\\u001b[2J"]',
    'transport = "\\u001b]0;owned\\u0007"',
    'transport = "../../evil"',
    'runtimes = ["../evil"]',
    "\0",
])
def test_a_hostile_file_is_one_sentence(with_options, tmp_path, text):
    path = tmp_path / "board.toml"
    key = text.partition(" =")[0]
    path.write_text("\n".join(line for line in BOARD.splitlines() if not line.startswith(key)) + f"\n{text}\n")
    with pytest.raises(UsageError) as caught:
        load_device(str(path))
    assert caught.value.message.isprintable() and caught.value.hint.isprintable() and len(caught.value.message) < 600


def test_a_description_is_text_whatever_is_in_it(tmp_path):
    path = tmp_path / "board.toml"
    path.write_text(BOARD.replace("A board", "\\u001b[2J"))
    assert load_device(str(path)).name == "board"


@pytest.fixture
def with_options(monkeypatch):
    """Runtime litert, were it to have options."""
    monkeypatch.setattr("edgenas.measure.runtimes.run_litert.OPTIONS",
                        {"core": "m4", "clock_mhz": 200.0}, raising=False)


def test_settings_of_a_runtime_complete_its_defaults(with_options, tmp_path):
    (tmp_path / "board.toml").write_text(BOARD + "[settings.litert]\nclock_mhz = 80.5")
    board = load_device(str(tmp_path / "board.toml"))
    assert board.settings_of("litert") == {"core": "m4", "clock_mhz": 80.5}


@pytest.mark.parametrize(("text", "message", "hint"), [
    ("[settings.litter]\na = 1", "'litter' is no known runtime of device 'board'", "did you mean 'litert'?"),
    ("[settings.litert]\nclok_mhz = 1.0", "'clok_mhz' is no known setting of runtime 'litert'", "'clock_mhz'"),
    ("[settings.litert]\ncore = 4", "settings.litert.core is 4; it must be a text", 'core = "m4"'),
])
def test_wrong_settings_are_one_clear_sentence(with_options, tmp_path, text, message, hint):
    (tmp_path / "board.toml").write_text(BOARD + text)
    with pytest.raises(UsageError) as caught:
        load_device(str(tmp_path / "board.toml"))
    assert message in caught.value.message and hint in caught.value.hint
