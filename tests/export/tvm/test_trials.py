from __future__ import annotations

from pathlib import Path

import pytest

from edgenas.errors import UsageError
from edgenas.export.tvm.tiles import Tile
from edgenas.export.tvm.trials import Trial, Trials
from edgenas.export.tvm.variant import Variant


def trial(kernel: str, columns: int, us: float) -> Trial:
    return Trial(kernel=kernel, variant=Variant(Tile(1, 1, columns)), us=us, rule_us=2.0)


def test_trials_are_read_back_by_kernel(tmp_path: Path) -> None:
    path = tmp_path / "new" / "cpu-1t.jsonl"
    made = Trials(path)
    for each in (first := trial("a", 3, 1.0), second := trial("b", 3, 4.0), third := trial("a", 4, 3.0)):
        made.add(each)
    found = Trials(path)
    assert list(found.of("a").values()) == [first, third]
    assert list(found.of("b").values()) == [second]
    assert found.of("c") == {} and second.ratio == 2


def test_a_last_line_that_was_cut_off_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "cpu-1t.jsonl"
    Trials(path).add(trial("a", 3, 1.0))
    with path.open("a") as stream:
        stream.write('{"kernel": "a", "vari')
    Trials(path).add(trial("a", 4, 1.0))
    assert len(Trials(path).of("a")) == 2


@pytest.mark.parametrize("line", [
    "nonsense", '{"kernel": "a"}', trial("a", 1, 1.0).model_dump_json().replace("1.0", "-1")])
def test_what_is_no_trial_is_refused(line: str, tmp_path: Path) -> None:
    path = tmp_path / "cpu-1t.jsonl"
    path.write_text(f"{trial('a', 3, 1.0).model_dump_json()}\n{line}\n")
    with pytest.raises(UsageError, match=f"line 2 of {path} is no trial"):
        Trials(path)
    assert path.read_text().endswith(f"{line}\n")


def test_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"{tmp_path} is a folder, not a regular file"):
        Trials(tmp_path)
