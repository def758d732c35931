from __future__ import annotations

import json
import subprocess

import pytest

from edgenas.measure import worker
from edgenas.measure.conditions import read_header
from edgenas.measure.machine import SCRIPT, describe, header, read_facts

# What /proc/cpuinfo says on a phone of two kinds of cores.
PHONE = """machine architecture aarch64
machine system Linux 5.10.149-android13
machine online 0-3,6
machine cores 2
machine cpuinfo CPU implementer	: 0x41
machine cpuinfo CPU part	: 0xd05
machine cpuinfo CPU implementer	: 0x41
machine cpuinfo CPU part	: 0xd44
machine memory MemTotal:        7635904 kB
machine load 2.31 2.05 1.90 3/2345 6789
machine governor schedutil
machine frequency_khz 1803000
machine temperature_mc 34500
machine disk /dev/block/dm-8 110663168 31939692 78723476 29% /data
machine program abc
machine end
after"""


def facts(text: str) -> dict[str, list[str]]:
    found, other = read_facts(iter(text.splitlines()))
    assert other == ""
    return found


def test_a_phone():
    assert describe(facts(PHONE)) == {
        "id": describe(facts(PHONE))["id"], "cpu": "implementer 0x41 part 0xd05", "cores": 5,
        "architecture": "aarch64", "memory_gib": 7, "system": "Linux 5.10.149-android13", "python": None,
        "conditions": {"load_average": 2.31, "governor": "schedutil", "frequency_mhz": 1803.0, "temperature_c": 34.5,
                       "free_mib": 76878}}
    assert facts(PHONE)["program"] == ["abc"]


def test_what_changes_does_not_change_the_id():
    moved = PHONE.replace("34500", "51000").replace("1803000", "300000").replace("78723476", "1")
    assert describe(facts(moved))["id"] == describe(facts(PHONE))["id"]
    assert describe(facts(PHONE.replace("0xd05", "0xd46")))["id"] != describe(facts(PHONE))["id"]


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_the_script_tells_what_the_worker_tells_of_this_machine(shell, tmp_path):
    done = subprocess.run([shell, SCRIPT], capture_output=True, text=True, check=True, cwd=tmp_path)
    found, known = describe(facts(done.stdout)), worker.describe_machine()
    constant = ("id", "cpu", "cores", "architecture", "memory_gib", "system")
    assert done.stderr == "" and {name: found[name] for name in constant} == {name: known[name] for name in constant}
    assert found.keys() == known.keys() and found["conditions"].keys() == known["conditions"].keys()
    assert found["conditions"]["free_mib"] == pytest.approx(known["conditions"]["free_mib"], abs=2000)


def test_the_header_is_a_workers():
    conditions = read_header(header("binary", "1", facts(PHONE)), "binary")
    assert conditions.version == "1" and conditions.machine["cores"] == 5


def test_a_line_that_is_no_fact_is_given_back():
    lines = iter(["machine cores 2", "sh: device.sh: not found", "machine end"])
    assert read_facts(lines) == ({"cores": ["2"]}, "sh: device.sh: not found")


@pytest.mark.parametrize("text", ["", "machine online 0-3,,\nmachine memory plenty\nmachine disk\nmachine load \n"])
def test_what_is_not_told_is_not_made_up(text):
    found = describe(facts(text))
    assert found["cores"] is None and found["memory_gib"] is None
    assert set(found["conditions"].values()) == {None}
    json.dumps(found, allow_nan=False)
