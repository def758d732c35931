from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgenas import __version__
from edgenas.cost.budget import Request
from edgenas.errors import RunError
from edgenas.files import write_json
from edgenas.flow.config import RunConfig
from edgenas.search.settings import SearchSettings

CONFIG = RunConfig(data="digits", data_fingerprint="ab", device="mock", runtime="mock", threads=1,
                   budgets=(Request("latency_ms", 0.5, True), Request("macs", 5e6)), space_options={"width": "0.5"})


def test_what_was_written_is_read_again(tmp_path: Path):
    write_json(tmp_path / "run.json", CONFIG.model_dump(mode="json"))
    found = RunConfig.read(tmp_path / "run.json")
    assert found == CONFIG and found.is_same_run(CONFIG)


def test_when_and_how_a_run_was_started_does_not_make_another_run():
    other = CONFIG.model_copy(update={"command": ("edgenas", "run"), "created": "later", "edgenas": "9.9"})
    assert other.is_same_run(CONFIG) and other.differences(CONFIG) == {}


@pytest.mark.parametrize(("change", "name", "ours", "theirs"), [
    ({"seed": 3}, "seed", 3, 0),
    ({"search": SearchSettings(epochs=7)}, "search.epochs", 7, 20),
    ({"space_options": {}}, "space_options.width", None, "0.5"),
    ({"budgets": (Request("macs", 5e6),)}, "budgets", "macs=5e+06", "latency_ms=50% macs=5e+06"),
    ({"data_fingerprint": "cd"}, "data_fingerprint", "cd", "ab"),
])
def test_a_difference_is_named(change, name, ours, theirs):
    other = CONFIG.model_copy(update=change)
    assert not other.is_same_run(CONFIG)
    assert other.differences(CONFIG) == {name: (ours, theirs)}


def test_what_the_user_changed_is_named_before_what_follows_from_it():
    other = CONFIG.model_copy(update={"seed": 1, "data_fingerprint": "cd"})
    assert list(other.differences(CONFIG)) == ["seed", "data_fingerprint"]


@pytest.mark.parametrize(("content", "words"), [
    (b"", "is damaged: Expecting value"), (b"{}", "is damaged: data: Field required"), (b"\xff\xfe", "is damaged"),
    (b"[1]", "is damaged"), (b"[" * 10**5, "nested deeper"), (b'{"data": "digits", ', "is damaged: Expecting"),
])
def test_a_damaged_file_is_one_sentence(tmp_path: Path, content, words):
    path = tmp_path / "run.json"
    path.write_bytes(content)
    with pytest.raises(RunError) as error:
        RunConfig.read(path)
    assert str(path) in error.value.message and words in error.value.message
    assert "\n" not in error.value.message and error.value.hint


def test_another_schema_and_an_unknown_key_are_refused(tmp_path: Path):
    path = tmp_path / "run.json"
    for change, word in (({"schema_version": 3}, "schema_version"), ({"sede": 3}, "sede")):
        path.write_text(json.dumps(CONFIG.model_dump(mode="json") | change))
        with pytest.raises(RunError, match=word):
            RunConfig.read(path)


def test_a_run_of_another_version_is_one_sentence(tmp_path: Path):
    path = tmp_path / "run.json"
    path.write_text(json.dumps(CONFIG.model_dump(mode="json") | {"schema_version": 3, "edgenas": "9.8.7"}))
    with pytest.raises(RunError) as error:
        RunConfig.read(path)
    assert error.value.message == (f"{path} is of edgenas 9.8.7, and edgenas {__version__} reads another form: "
                                   "schema_version: Input should be 2")


def test_a_run_of_the_first_schema_is_read(tmp_path: Path):
    path = tmp_path / "run.json"
    old = CONFIG.model_dump(mode="json", exclude={"training_precision", "max_drop"})
    for runtime, precision in (("mock", "fp32"), ("vela", "int8")):
        path.write_text(json.dumps(old | {"schema_version": 1, "precision": "16-mixed", "runtime": runtime}))
        found = RunConfig.read(path)
        assert (found.schema_version, found.training_precision, found.precision) == (2, "16-mixed", precision)


def test_a_folder_without_a_run_says_how_to_start_one(tmp_path: Path):
    with pytest.raises(RunError, match="holds no run") as error:
        RunConfig.read(tmp_path / "run.json")
    assert error.value.hint == f"edgenas run --out {tmp_path}"
