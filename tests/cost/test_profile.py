from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edgenas.cost.network import Network, Operator
from edgenas.cost.profile import Header, Profile, profile_path, profiles_folder, stored
from edgenas.errors import ProfileError

from .nets import measured

HEADER = Header(device="host", runtime="onnxruntime", runtime_version="1.31.1", threads=2,
                machine={"id": "abc", "cpu": "Ümlaut 9000"})


POOL = Network((4, 8, 8), (Operator("avgpool2d", "kernel_size=2", (-1,), (4, 4, 4), 0, 0),))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "host" / "onnxruntime-fp32-2t.jsonl"


@pytest.fixture
def profile(path: Path) -> Profile:
    created = Profile.create(path, HEADER)
    created.add_block("4x8x8: conv", measured(0.5, "0"))
    created.add_network("1x8x8: whole", ("4x8x8: conv", "4x8x8: conv"), measured(0.9, "é\n"))
    created.add_check("4x8x8: conv", measured(0.52, "0"))
    created.add_block("4x8x8: pool", measured(0.25, "1"), POOL)
    return created


def same(one: Profile, other: Profile) -> bool:
    return (one.header, one.blocks, one.networks, one.decoded, one.structures, one.checks) == (
        other.header, other.blocks, other.networks, other.decoded, other.structures, other.checks)


def test_what_was_added_is_loaded(profile: Profile, path: Path) -> None:
    loaded = Profile.load(path)
    assert same(loaded, profile)
    assert list(loaded.blocks) == ["4x8x8: conv", "4x8x8: pool"]
    assert loaded.blocks["4x8x8: conv"].latency_ms() == 0.5
    assert loaded.structures == {"4x8x8: pool": POOL}
    assert [(check.block, check.measurement.latency_ms()) for check in loaded.checks] == [("4x8x8: conv", 0.52)]
    assert loaded.networks["1x8x8: whole"].blocks == ("4x8x8: conv", "4x8x8: conv")
    assert len(path.read_text().splitlines()) == 5


def test_the_header_says_what_was_measured_on_what_and_when(profile: Profile, path: Path) -> None:
    header = json.loads(path.read_text(encoding="utf-8").splitlines()[0])
    assert header["machine"] == {"id": "abc", "cpu": "Ümlaut 9000"}
    assert (header["runtime"], header["runtime_version"], header["threads"]) == ("onnxruntime", "1.31.1", 2)
    assert (header["precision"], header["schema_version"], header["provenance"]) == ("fp32", 1, "measured")
    age = datetime.now(UTC) - datetime.fromisoformat(header["created"])
    assert 0 <= age.total_seconds() < 600


def test_each_measurement_is_in_the_file_when_the_call_returns(path: Path) -> None:
    profile = Profile.create(path, HEADER)
    for count in (1, 2, 3):
        profile.add_block(str(count), measured(1.0))
        assert len(Profile.load(path).blocks) == count


def test_creating_starts_anew(profile: Profile, path: Path) -> None:
    assert same(Profile.create(path, HEADER), Profile.load(path))
    assert not Profile.load(path).blocks


def test_killed_at_any_byte_of_the_last_line_only_that_line_is_lost(
        profile: Profile, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # hundreds of times
    content = path.read_bytes()
    start = content[:-1].rindex(b"\n") + 1
    before = {k: v for k, v in profile.blocks.items() if k != "4x8x8: pool"}
    for end in range(start, len(content)):
        path.write_bytes(content[:end])
        loaded = Profile.load(path)
        assert (loaded.blocks, loaded.networks) == (before, profile.networks)
        loaded.add_block("4x8x8: pool", profile.blocks["4x8x8: pool"], POOL)
        assert path.read_bytes() == content
        assert same(Profile.load(path), loaded)


@pytest.mark.parametrize(("damage", "line"), [
    (lambda lines: [lines[0], lines[1][:-5], *lines[2:]], 2),
    (lambda lines: [*lines[:2], "", *lines[2:]], 3),
    (lambda lines: [*lines[:4], lines[4].replace("block", "black")], 5),
    (lambda lines: [*lines[:4], lines[4].replace("0.25", "-0.25")], 5),
    (lambda lines: [*lines[:4], lines[4].replace("0.25", "NaN")], 5),
    (lambda lines: [*lines[:3], lines[3].replace('"key"', '"kee"')], 4),
    (lambda lines: [*lines[:2], lines[2].replace('"blocks"', '"block"'), lines[3]], 3),
    (lambda lines: [*lines[:3], "[]"], 4),
    (lambda lines: [*lines[:3], "7"], 4),
    (lambda lines: [lines[0][:-9], *lines[1:]], 1),
    (lambda lines: lines[1:], 1),
    (lambda lines: [lines[0].replace('"threads":2', '"threads":"many"'), *lines[1:]], 1),
])
def test_damage_in_a_finished_line_is_refused_naming_the_line(profile: Profile, path: Path, damage: object,
                                                              line: int) -> None:
    assert callable(damage)
    lines = path.read_text(encoding="utf-8").splitlines()
    damaged = "".join(text + "\n" for text in damage(lines))
    path.write_text(damaged, encoding="utf-8")
    with pytest.raises(ProfileError, match=f"damaged in line {line}: ") as caught:
        Profile.load(path)
    assert "edgenas profile --renew" in caught.value.hint
    assert path.read_text(encoding="utf-8") == damaged


@pytest.mark.parametrize("content", ["", '{"schema'])
def test_a_file_without_a_header_is_refused(path: Path, content: str) -> None:
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(ProfileError, match="damaged in line 1: no complete header"):
        Profile.load(path)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\n"])
def test_a_file_that_cannot_be_read_is_refused_with_the_command_to_type(path: Path, content: bytes | None) -> None:
    path.parent.mkdir()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ProfileError, match="cannot read the profile") as caught:
        Profile.load(path)
    assert "edgenas profile" in caught.value.hint


@pytest.mark.parametrize("extra", [{}, {"unheard_of": 1}])
def test_another_schema_is_refused_with_the_command_that_renews(profile: Profile, path: Path,
                                                                extra: dict[str, int]) -> None:
    first, *rest = path.read_text(encoding="utf-8").splitlines()
    header = json.loads(first) | {"schema_version": 2} | extra
    path.write_text("\n".join([json.dumps(header), *rest, ""]))
    with pytest.raises(ProfileError, match="has schema 2; this edgenas reads 1") as caught:
        Profile.load(path)
    assert "edgenas profile --renew" in caught.value.hint


def test_a_profile_of_this_machine_and_version_is_not_stale(profile: Profile) -> None:
    profile.check("1.31.1", {"id": "abc", "cpu": "whatever"})


@pytest.mark.parametrize(("version", "machine", "what"), [
    ("1.32.0", "abc", "its runtime version is 1.31.1, the device's is 1.32.0"),
    ("1.31.1", "abd", "its machine is abc, the device's is abd"),
])
def test_a_stale_profile_is_refused_with_the_command_that_renews_it(
        profile: Profile, version: str, machine: str, what: str) -> None:
    with pytest.raises(ProfileError) as caught:
        profile.check(version, {"id": machine})
    assert what in caught.value.message
    assert caught.value.hint.split() == ["edgenas", "profile", "--device", "host", "--runtime", "onnxruntime",
                                         "--threads", "2", "--precision", "fp32", "--renew"]


def test_decoded_networks_are_kept_with_all_their_measurements(profile: Profile, path: Path) -> None:
    profile.add_decoded("1x8x8: found", [measured(0.7, "0"), measured(0.8, "1")])
    loaded = Profile.load(path)
    assert [m.latency_ms() for m in loaded.decoded["1x8x8: found"]] == [0.7, 0.8]
    assert same(loaded, profile)


def test_the_digest_is_of_all_that_predictions_are_made_from(profile: Profile, path: Path) -> None:
    digests = [profile.digest]
    assert Profile.load(path).digest == digests[0]
    profile.add_decoded("1x8x8: found", [measured(0.7)])
    assert profile.digest == digests[0]
    profile.add_block("another", measured(1.0))
    digests.append(profile.digest)
    profile.add_network("another", ("another",), measured(1.0))
    digests.append(profile.digest)
    profile.add_network("another", ("another",), measured(1.1))
    digests.append(profile.digest)
    other = Profile(path, profile.header.model_copy(update={"threads": 4}), profile.blocks, profile.networks)
    assert len({*digests, other.digest}) == 5


def test_a_profile_has_a_place_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EDGENAS_PROFILES", str(tmp_path / "mine"))
    assert profiles_folder() == tmp_path / "mine"
    assert profile_path("host", "litert", 2) == tmp_path / "mine" / "host" / "litert-fp32-2t.jsonl"
    assert profile_path("host", "litert", 2, folder=tmp_path) == tmp_path / "host" / "litert-fp32-2t.jsonl"
    places = {profile_path(d, r, t, p) for d in "ab" for r in "cd" for t in (1, 2) for p in ("fp32", "int8")}
    assert len(places) == 16
    monkeypatch.delenv("EDGENAS_PROFILES")
    assert "edgenas" in profiles_folder().parts
    assert profiles_folder().is_absolute()


def test_stored_profiles_are_all_those_of_a_folder(tmp_path: Path) -> None:
    assert all(p.header.provenance == "published" for p in stored(tmp_path))
    for device in ("b", "a"):
        Profile.create(tmp_path / device / "x-fp32-1t.jsonl", HEADER)
    (tmp_path / "a" / "note.txt").write_text("no profile")
    assert [p.path.parent.name for p in stored(tmp_path)][:2] == ["a", "b"]


@pytest.mark.parametrize("line", [
    "3", "[]", "null", '{"kind": "block"}', '{"kind": "block", "key": 3, "measurement": {}}',
    '{"kind": "check", "key": "a"}',
    '{"kind": "block", "key": "a", "measurement": [1]}',
    '{"kind": "network", "key": "a", "blocks": 3, "measurement": {}}',
    '{"kind": "transfer", "key": "a", "path": 3, "device": "b", "runtime": "c", "blocks": [1]}', "[" * 10**5,
    '{"kind": "left_out", "key": "a", "conditions": 3}', '{"kind": "repeat", "key": "unknown", "measurement": {}}',
    '{"kind": "block", "key": "a", "measurement": {"mean_ms": 1e999}}', "1" * 5000,
    '{"kind": "left_out", "key": "a", "structure": {"input_shape": [1e999], "operators": []}}',
    '{"kind": "left_out", "key": "a", "structure": []}', '{"kind": "\\u001b[2J", "key": "a"}',
])
def test_lines_of_odd_shapes_are_damage_that_is_named(profile: Profile, path: Path, line: str) -> None:
    with path.open("a") as stream:
        stream.write(line + "\n")
    with pytest.raises(ProfileError, match="damaged in line 6: ") as caught:
        Profile.load(path)
    assert caught.value.message.isprintable() and len(caught.value.message) < 700


@pytest.mark.parametrize("machine", [3, {"conditions": 3}, {"id": "abc", "conditions": ["hot"]}])
def test_headers_of_odd_shapes_are_damage(profile: Profile, path: Path, machine: object) -> None:
    header, *lines = path.read_text().splitlines()
    path.write_text("\n".join([json.dumps(json.loads(header) | {"machine": machine}), *lines, ""]))
    with pytest.raises(ProfileError, match="damaged in line 1: "):
        Profile.load(path)


def test_a_pipe_is_no_profile(path: Path) -> None:
    path.parent.mkdir()
    os.mkfifo(path)
    with pytest.raises(ProfileError, match="is a pipe, not a regular file"):
        Profile.load(path)


def test_a_machine_without_an_id_is_another_machine(profile: Profile) -> None:
    profile.header = HEADER.model_copy(update={"machine": {}})
    with pytest.raises(ProfileError, match="its machine is unknown, the device's is abc"):
        profile.check("1.31.1", {"id": "abc"})
