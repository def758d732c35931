from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from edgenas.cli.show_seeds import describe
from edgenas.flow.ensemble import best, learned, spread, summary
from edgenas.flow.records.result import SeedRow
from edgenas.flow.run import Run
from edgenas.selection.correlation import score_correlation

from .flows import DIGITS, MOCK, OWN_SPACE, QUICK, edgenas, files, succeed

ASKED = (*QUICK, "--budget", "macs=69%")


@pytest.fixture(scope="module")
def ensemble(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seeds from 3 on, and what was printed of them."""
    out = tmp_path_factory.mktemp("ensemble") / "runs"
    done = edgenas("run", *ASKED, "--seed", "3", "--seeds", "2", "--out", out, "--profiles", out / "../p", "--json")
    assert done.code == 0, done.err
    (out.parent / "printed.txt").write_text(done.out)
    return out


def test_each_seed_is_a_run_of_its_own_with_the_spread_beside_it(ensemble: Path) -> None:
    document = json.loads((ensemble / "ensemble.json").read_text())
    assert json.loads((ensemble.parent / "printed.txt").read_text()) == document
    assert [row["seed"] for row in document["seeds"]] == [3, 4]
    assert {path.name for path in ensemble.iterdir()} == {"seed3", "seed4", "ensemble.json"}
    for row in document["seeds"]:
        run = Path(row["run"])
        assert json.loads((run / "run.json").read_text())["seed"] == row["seed"]
        verdict = json.loads((run / "verify.json").read_text())
        (budget,) = verdict["budgets"]
        assert row["costs"] == {"macs": {"cost": budget["measured"], "limit": budget["limit"],
                                         "provenance": "counted"}}
        assert row["within"] is verdict["within"] is True
        assert row["accuracy"] == json.loads((run / "train.json").read_text())["accuracy"]
    values = [row["accuracy"]["validation"] for row in document["seeds"]]
    assert document["spread"]["validation_accuracy"]["mean"] == pytest.approx(sum(values) / 2)
    assert document["spread"]["validation_accuracy"]["sd"] == pytest.approx(abs(values[0] - values[1]) / 2**0.5)
    assert document["best"]["by"] == "validation_accuracy"
    assert document["best"]["seed"] == 3 + (values[1] > values[0])


def test_it_goes_on_where_it_was_interrupted_and_does_nothing_again(ensemble: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(ensemble, tmp_path / "runs"))
    shutil.rmtree(out / "seed4")
    (out / "ensemble.json").unlink()
    first = {name: text for name, text in files(out).items() if name != "seed3/report.html"}
    asked = ("run", *ASKED, "--seed", "3", "--seeds", "2", "--out", out, "--profiles", ensemble / "../p")
    edgenas(*asked).refused(2, "holds this run already", "--resume")
    shown = succeed(*asked, "--resume")
    assert {name: text for name, text in files(out).items() if name in first} == first
    again, before = ({name: (folder / "seed4" / name).read_bytes() for name in (
        "architecture.json", "weights.safetensors")} for folder in (out, ensemble))
    assert again == before
    assert "standard deviation" in shown.out and "within budget: 2 of 2 seeds" in shown.out
    assert "best by validation_accuracy: seed" in shown.out


def test_searches_have_no_accuracy_of_their_own_where_no_supernet_was_tried(tmp_path: Path) -> None:
    shown = succeed("search", *ASKED, "--seeds", "1", "--out", tmp_path / "runs", "--profiles", tmp_path)
    document = json.loads((tmp_path / "runs" / "ensemble.json").read_text())
    assert document["best"] is None and document["spread"]["macs"]["sd"] is None
    assert document["score_correlation"] is None
    assert "no best" in shown.out


def test_a_supernet_s_accuracy_names_the_best_search(tmp_path: Path) -> None:
    asked = (*DIGITS, *MOCK, *OWN_SPACE, "--search-epochs", "1", "--set", "search.candidates=2", "--budget", "macs=69%")
    shown = succeed("search", *asked, "--seeds", "2", "--out", tmp_path / "runs", "--profiles", tmp_path)
    document = json.loads((tmp_path / "runs" / "ensemble.json").read_text())
    assert document["best"]["by"] == "supernet_validation_accuracy"
    assert 0 <= document["seeds"][0]["accuracy"]["supernet_validation"] <= 1
    scores = [json.loads((tmp_path / "runs" / f"seed{i}" / "search.json").read_text())["scores"] for i in range(2)]
    assert document["score_correlation"] == pytest.approx(score_correlation(scores))
    assert f"correlates between seeds by {document['score_correlation']:.2f}" in shown.out


def test_seeds_whose_budget_is_out_of_reach_are_rows_and_the_exit_says_so(tmp_path: Path) -> None:
    result = edgenas("search", *QUICK, "--budget", "macs=10", "--seeds", "2", "--out", tmp_path / "runs", "--json")
    assert result.code == 3
    assert [(row["within"], "no network of this space holds" in row["error"]) for row in result.document["seeds"]] == [
        (False, True)] * 2
    assert "seed 1 (2 of 2)" in result.err


def test_random_scores_are_nothing_learned(ensemble: Path) -> None:
    document = json.loads((ensemble / "ensemble.json").read_text())
    assert [learned(Run.open(Path(row["run"]))) for row in document["seeds"]] == [[], []]
    assert document["score_correlation"] is None


def test_searches_that_share_little_are_told_to_take_more_epochs() -> None:
    assert "--set search.epochs=N" in describe(0.1)
    assert describe(0.6) == "what the searches learned correlates between seeds by 0.60 (1: all the same, 0: chance)"


def test_a_folder_of_something_else_is_refused(counted, tmp_path: Path) -> None:
    out = Path(shutil.copytree(counted.folder, tmp_path / "run"))
    edgenas("run", *ASKED, "--seeds", "2", "--out", out).refused(2, "holds a single run", "choose another --out")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    edgenas("run", *ASKED, "--seeds", "2", "--out", tmp_path / "other").refused(2, "notes.txt")


def test_the_best_is_of_those_within_budget_and_never_by_the_test_part() -> None:
    rows = [{"seed": 0, "run": "a", "within": False, "costs": {}, "accuracy": {"validation": 0.99, "test": 0.1}},
            {"seed": 1, "run": "b", "within": True, "costs": {}, "accuracy": {"validation": 0.8, "test": 0.2}},
            {"seed": 2, "run": "c", "within": True, "costs": {}, "accuracy": {"validation": 0.7, "test": 0.9}}]
    rows = [SeedRow.from_json(row | {"error": None}) for row in rows]
    assert best(rows).to_json() == {"seed": 1, "run": "b", "by": "validation_accuracy"}
    assert best(rows[:1]) is None
    assert summary(Path("x"), rows).within == 2
    assert spread([1.0, 2.0, 3.0]).to_json() == {"count": 3, "mean": 2.0, "sd": 1.0, "min": 1.0, "max": 3.0}
