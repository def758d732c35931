from __future__ import annotations

import json
import shutil
import statistics
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgenas.errors import UsageError
from edgenas.flow.records.result import Spaces
from edgenas.flow.run import Run
from edgenas.flow.spaces import chosen_of, combined
from edgenas.flow.work import Work
from edgenas.selection.learning_speed import trial_loss
from edgenas.space import Architecture

from .flows import DIGITS, MOCK, OWN_SPACE, Result, edgenas, files, succeed

ASKED = (*DIGITS, *MOCK, "--strategy", "random", "--set", "space.depth=2", "--set", "search.space_networks=2",
         "--set", "search.trial_epochs=1", "--set", "search.trials=0", "--train-epochs", "3")
TRIES = ("--try", "space.width=0.25,0.5,0.75")
BUDGET = ("--budget", "macs=250000")


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    out = tmp_path_factory.mktemp("spaces") / "runs"
    return out, succeed("search", *ASKED, *TRIES, *BUDGET, "--out", out, "--profiles", out.parent / "p", "--json")


def document(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "spaces.json").read_text())
    return found


def test_the_space_whose_networks_learn_fastest_is_searched(searched: tuple[Path, Result]) -> None:
    out, done = searched
    known = document(out)
    rows = {row["options"][0]: row for row in known["spaces"]}
    assert list(rows) == ["space.width=0.25", "space.width=0.5", "space.width=0.75"]
    left = list(rows)
    for epochs in ("1", "2"):
        if len(left) > 1:
            left = sorted(left, key=lambda name: rows[name]["losses"][epochs])[:(len(left) + 1) // 2]
    assert known["chosen"] == left
    assert done.document["run"] == rows[left[0]]["run"] == str(out / left[0].removeprefix("space."))
    assert done.document["space_options"] == {"depth": "2", "width": left[0].removeprefix("space.width=")}
    assert f"space searched: {left[0]}" in done.err
    assert {path.name for path in out.iterdir()} == {"spaces.json", "width=0.25", "width=0.5", "width=0.75"}
    assert not list(out.glob("*/spaces"))


def test_a_space_s_figure_is_the_mean_loss_of_random_networks_that_hold_and_use_the_budget(
        searched: tuple[Path, Result], tmp_path: Path) -> None:
    for row in document(searched[0])["spaces"]:
        work = Work(Run.open(Path(row["run"])))
        names = {json.dumps(network["architecture"]) for network in row["networks"]}
        assert len(names) == len(row["networks"]) == (1 if row["options"] == ["space.width=0.75"] else 2)
        for network in row["networks"]:
            least = min(250000, work.models["macs"].reachable[1]) * 0.9
            assert least <= network["macs"] == network["predicted"]["macs"] <= 250000
            architecture = Architecture(network["architecture"])
            found = trial_loss(partial(work.space.build, architecture), work.task, work.run.config.train, 1, 0,
                               work.fabric, tmp_path / f"{row['options'][0]}-{architecture.digest}.pt")
            assert network["trial_losses"]["1"] == pytest.approx(found, rel=1e-4)
        losses = [network["trial_losses"]["1"] for network in row["networks"]]
        assert row["losses"]["1"] == pytest.approx(statistics.fmean(losses))


def test_it_goes_on_where_it_was_interrupted_to_the_same_result(searched: tuple[Path, Result], tmp_path: Path) -> None:
    out = Path(shutil.copytree(searched[0], tmp_path / "runs"))
    asked = ("search", *ASKED, *TRIES, *BUDGET, "--out", out, "--profiles", searched[0].parent / "p")
    edgenas(*asked).refused(2, "holds this run already", "--resume")
    before = files(out)
    succeed(*asked, "--resume")
    assert files(out) == before
    (out / "spaces.json").unlink()
    shutil.rmtree(out / "width=0.5")
    succeed(*asked, "--resume")
    moved = {**document(out), "spaces": [row | {"run": ""} for row in document(out)["spaces"]]}
    assert moved == {**document(searched[0]), "spaces": [r | {"run": ""} for r in document(searched[0])["spaces"]]}


def test_spaces_out_of_reach_are_left_out_and_all_of_them_refused(tmp_path: Path) -> None:
    small = ("--try", "space.width=0.25,2", "--budget", "macs=70000", "--profiles", tmp_path)
    succeed("search", *ASKED, *small, "--out", tmp_path / "a")
    known = document(tmp_path / "a")
    assert known["chosen"] == ["space.width=0.25"]
    assert "macs" in known["spaces"][1]["refused"] and known["spaces"][1]["networks"] == []
    edgenas("search", *ASKED, *TRIES, "--budget", "macs=10", "--profiles", tmp_path, "--out", tmp_path / "b").refused(
        3, "no space holds the budgets")


@pytest.mark.parametrize(("words", "said"), [
    (("--try", "space.width=1", *BUDGET), "two or more different values"),
    (("--try", "space.width=1,1", *BUDGET), "two or more different values"),
    (("--try", "space.width=1,,2", *BUDGET), "two or more different values"),
    (("--try", "train.lr=0.1,0.2", *BUDGET), "only options of the space"),
    (("--try", "space.widht=1,2", *BUDGET), "width"),
    (("--try", "space.width=1,wide", *BUDGET), "wide"),
    (("--try", "width", *BUDGET), "NAME=VALUE"),
    (("--try", "space.depth=1,2", *BUDGET), "given twice"),
    ((*TRIES, "--budget", "macs=50%"), "share"),
    ((*TRIES, *BUDGET, "--seeds", "2"), "--seeds and --try"),
])
def test_what_cannot_be_tried_is_refused_before_anything_begins(
        tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    edgenas("search", *ASKED, *words, "--out", tmp_path / "runs").refused(2, said)
    assert not (tmp_path / "runs").exists()


def test_a_folder_of_something_else_is_refused(searched: tuple[Path, Result], tmp_path: Path) -> None:
    asked = ("search", *ASKED, *BUDGET, "--profiles", searched[0].parent / "p", "--resume", "--out")
    edgenas(*asked, searched[0], "--try", "space.width=0.25,0.3").refused(2, "width=0.5", "no space of this --try")
    (tmp_path / "file").touch()
    edgenas(*asked, tmp_path / "file", *TRIES).refused(2, "is a file")
    out = Path(shutil.copytree(searched[0], tmp_path / "runs"))
    for content in ("{", "[]", '{"chosen": ["space.width=0.25"]}'):
        (out / "spaces.json").write_text(content)
        edgenas(*asked, out, *TRIES).refused(2, "damaged", "delete it")


def kept(chosen: str, *spaces: str) -> Spaces:
    return Spaces.from_json({"chosen": [chosen], "spaces": [
        {"options": [options], "run": "a", "refused": None, "networks": [], "losses": {}} for options in spaces]})


@pytest.mark.parametrize("known", [None, kept("space.width=9", "space.width=0.25"),
                                   kept("space.width=0.25", "space.width=0.25")])
def test_a_choice_among_other_spaces_is_none(known: Spaces | None) -> None:
    assert chosen_of(known, [("space.width=0.25",), ("space.width=9",)]) is None
    assert chosen_of(kept("a=1", "a=2", "a=1"), [("a=2",), ("a=1",)]) == 1


def test_a_budget_that_leaves_room_for_a_wider_space_is_told_so(tmp_path: Path) -> None:
    for share, is_told in (("45%", False), ("60%", True)):
        done = succeed("search", *ASKED, "--budget", f"macs={share}", "--profiles", tmp_path, "--out", tmp_path / share)
        assert ("--try space.width=1,1.5,2 compares them" in done.err) is is_told
    done = succeed("search", *DIGITS, *MOCK, *OWN_SPACE, "--strategy", "random", "--budget", "macs=90%", "--profiles",
                   tmp_path, "--out", tmp_path / "own")
    assert "--try" not in done.err  # it has no width


@given(st.dictionaries(st.sampled_from("abc"), st.sets(st.integers(0, 9), min_size=2, max_size=4), min_size=1))
def test_all_combinations_are_tried_once(options: dict[str, set[int]]) -> None:
    found = combined([f"space.{name}={','.join(map(str, values))}" for name, values in options.items()])
    expected = 1
    for values in options.values():
        expected *= len(values)
    assert len(set(found)) == len(found) == expected
    assert all([text.partition("=")[0] for text in row] == [f"space.{name}" for name in options] for row in found)


def test_a_value_once_given_with_set_cannot_be_tried() -> None:
    with pytest.raises(UsageError, match="twice"):
        combined(["space.width=1,2", "space.width=3,4"])
