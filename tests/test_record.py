"""Records: the class that writes a file reads it, and says of what version a file is that it cannot read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

import pytest

from edgenas import __version__
from edgenas.errors import RunError
from edgenas.record import Kept, Number, Record


class Cost(Kept):
    FILE: ClassVar[str] = "cost.json"

    metric: str
    value: Number
    others: dict[str, Number] = {}
    note: str | None = None


def test_json_has_what_was_said_and_no_defaults() -> None:
    assert Cost(metric="macs", value=3).to_json() == {"metric": "macs", "value": 3}
    assert Cost(metric="macs", value=3, note=None).to_json() == {"metric": "macs", "value": 3, "note": None}
    assert Cost(metric="macs", value=3).replaced(note="so").to_json() == {"metric": "macs", "value": 3, "note": "so"}


def test_a_whole_number_stays_one_and_no_figure_is_infinite() -> None:
    text = json.dumps(Cost(metric="macs", value=3, others={"a": 4, "b": 4.0}).to_json())
    assert text == '{"metric": "macs", "value": 3, "others": {"a": 4, "b": 4.0}}'
    for value in (float("nan"), float("inf"), 10**400, "many"):
        with pytest.raises(ValueError, match=r"others\.a"):
            Cost.from_json({"metric": "macs", "value": 3, "others": {"a": value}})


def test_what_was_written_is_written_again_as_it_was(tmp_path: Path) -> None:
    Cost(metric="macs", value=3, others={"b": 1.5, "a": 2}).write(tmp_path)
    content = (tmp_path / "cost.json").read_bytes()
    found = Cost.read(tmp_path)
    assert found is not None
    found.write(tmp_path)
    assert (tmp_path / "cost.json").read_bytes() == content
    assert Cost.read(tmp_path, "other.json") is None


def test_a_file_says_more_than_is_relied_on() -> None:
    assert Cost.from_json({"metric": "macs", "value": 3, "colour": "red"}) == Cost(metric="macs", value=3)


@pytest.mark.parametrize(("version", "words"), [
    (__version__, r"cost\.json is damaged: value: Field required"), (None, "is damaged"), (3, "is damaged"),
    ("9.8.7", rf"cost\.json is of edgenas 9\.8\.7, and edgenas {__version__} reads another form: value: Field req")])
def test_a_file_that_does_not_fit_is_one_sentence_with_the_version_that_wrote_it(
        tmp_path: Path, version: object, words: str) -> None:
    (tmp_path / "cost.json").write_text('{"metric": "macs"}')
    (tmp_path / "run.json").write_text(json.dumps({"edgenas": version}))
    with pytest.raises(RunError, match=words):
        Cost.read(tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(RunError, match="is damaged"):
        Cost.read(tmp_path)


def test_a_record_does_not_change() -> None:
    class Plain(Record):
        name: str

    with pytest.raises(ValueError, match="frozen"):
        Plain(name="a").name = "b"  # type: ignore[misc]
