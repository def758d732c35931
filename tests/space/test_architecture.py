from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgenas.errors import RunError
from edgenas.space import Architecture

PICKS = st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=4)


def test_equal_picks_are_one_value_whatever_their_order() -> None:
    a, b = Architecture({"one": "x", "two": "y"}), Architecture({"two": "y", "one": "x"})
    assert a == b
    assert hash(a) == hash(b)
    assert a.digest == b.digest
    assert {a: 1}[b] == 1


@given(PICKS, PICKS)
@settings(deadline=None)
def test_architectures_are_equal_exactly_when_their_picks_are(one: dict[str, str], other: dict[str, str]) -> None:
    a, b = Architecture(one), Architecture(other)
    assert (a == b) == (one == other)
    assert (a.digest == b.digest) == (one == other)
    assert len({a, b}) == (1 if one == other else 2)


def test_it_cannot_be_changed() -> None:
    picks = {"one": "x"}
    architecture = Architecture(picks)
    picks["one"] = "y"
    assert architecture["one"] == "x"
    with pytest.raises(TypeError):
        architecture["one"] = "y"  # type: ignore[index]
    with pytest.raises(AttributeError):
        architecture.other = 1  # type: ignore[attr-defined]


def test_it_prints_as_what_makes_it() -> None:
    architecture = Architecture({"one": "x", "two": "y"})
    assert eval(repr(architecture)) == architecture


def test_the_digest_is_the_same_in_every_process() -> None:
    assert Architecture({"a": "x", "b": "y"}).digest == "6263377739c7"


@given(PICKS)
@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_saved_one_loads_as_itself(tmp_path: Path, picks: dict[str, str]) -> None:
    Architecture(picks).save(tmp_path / "a.json")
    assert Architecture.load(tmp_path / "a.json") == Architecture(picks)
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == picks


@pytest.mark.parametrize("content", [b"", b'{"a": "x"', b"[]", b'"a"', b'{"a": 1}', b'{"a": null}', b"\xff\xfe\x00"])
def test_a_file_that_holds_no_architecture_is_refused_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(RunError, match=r"a\.json is no ") as caught:
        Architecture.load(path)
    assert "\n" not in caught.value.message


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"a\.json is no readable architecture"):
        Architecture.load(tmp_path / "a.json")
