"""One profile, several processes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from edgenas.cost.profile import Header, Profile
from edgenas.errors import ProfileError

from .nets import measured

HEADER = Header(device="host", runtime="onnxruntime", runtime_version="1", threads=1, machine={"id": "abc"})
BLOCKS = 20
APPENDING = f"""
import sys
from pathlib import Path
from edgenas.cost.profile import Profile
from edgenas.measure.measurement import Measurement
profile = Profile.load(Path(sys.argv[1]))
m = Measurement("x" * 9000, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 3, 60, True)
print("ready", flush=True)
sys.stdin.readline()
for i in range({BLOCKS}):
    profile.add_block(f"block {{i}}", m)
    profile.add_check(f"block {{i}}", m, {{"process": sys.argv[2]}})
    assert f"block {{i}}" in profile.blocks
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "host" / "profile.jsonl"
    Profile.create(path, HEADER)
    return path


def test_lines_of_two_processes_are_whole_and_blocks_are_there_once(path: Path) -> None:
    both = [subprocess.Popen([sys.executable, "-c", APPENDING, str(path), name], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True) for name in "ab"]
    for process in both:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in both:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in both:
        process.communicate(timeout=60)
        assert process.returncode == 0
    records = [json.loads(line) for line in path.read_text().splitlines()[1:]]
    kinds = Counter(record["kind"] for record in records)
    assert kinds == {"block": BLOCKS, "check": 2 * BLOCKS}
    assert len(Profile.load(path).blocks) == BLOCKS


def test_what_another_appended_is_known_and_not_written_again(path: Path) -> None:
    first, second = Profile.load(path), Profile.load(path)
    first.add_block("a", measured(1.0))
    first.add_decoded("n", [measured(3.0)])
    second.add_block("a", measured(2.0))
    second.add_decoded("n", [measured(4.0)])
    assert second.blocks["a"].latency_ms() == 1.0 and second.decoded["n"][0].latency_ms() == 3.0
    assert len(path.read_text().splitlines()) == 3
    with first.writing():
        assert first.digest == second.digest == Profile.load(path).digest


def test_a_profile_that_was_renewed_meanwhile_is_gone_on_with(path: Path) -> None:
    old = Profile.load(path)
    old.add_block("a", measured(1.0))
    Profile.create(path, HEADER).add_block("b", measured(2.0))
    old.add_block("c", measured(3.0))
    assert set(old.blocks) == set(Profile.load(path).blocks) == {"b", "c"}
    Profile.create(path, HEADER.model_copy(update={"runtime_version": "2"}))
    with pytest.raises(ProfileError, match="is stale: its runtime version is 2"):
        old.add_block("d", measured(1.0))
    assert not Profile.load(path).blocks


def test_a_line_that_was_cut_short_is_taken_away_by_who_appends_next(path: Path) -> None:
    first = Profile.load(path)
    first.add_block("a", measured(1.0))
    with path.open("a") as stream:
        stream.write('{"kind": "block", "key"')
    first.add_block("b", measured(1.0))
    assert set(Profile.load(path).blocks) == {"a", "b"}
