"""A user's own network at several budgets, and at the least latency that holds an accuracy."""

from __future__ import annotations

import functools
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import edgenas as package
from edgenas.flow import own_phase
from edgenas.flow.floor import cheapest, holds
from edgenas.flow.records import Accuracy, FrontierRow
from edgenas.flow.run import Run
from edgenas.flow.work import Work

from .flows import edgenas, succeed
from .own_network import Net
from .test_own_network import FILE, QUICK, base

ASKED = ("--from", f"{FILE}:seven", *QUICK, "--new-head", "--teach-epochs", "2")


def asked(*more: object) -> tuple[object, ...]:
    return (*ASKED, *more, "--profiles", base() / "profiles")


@functools.cache
def finished() -> tuple[Path, str]:
    folder = base() / "frontier"
    result = succeed("run", *asked("--latency-ms", "90%,60%", "--out", folder))
    assert "at several budgets" in result.out
    return folder, result.err


def read(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text())


def test_every_budget_is_held_by_a_network_cut_from_the_same_taught_one() -> None:
    folder, said = finished()
    found = read(folder, "frontier.json")
    assert [row["budget"] for row in found["rows"]] == ["90%", "60%"] and all(row["within"] for row in found["rows"])
    limits = [row["limit"] / found["uncut"]["cost"] for row in found["rows"]]
    assert limits == pytest.approx([0.9, 0.6])
    assert said.count("teach the uncut network: 2/2") == 1 and said.count("the uncut network: latency_ms") == 1
    uncut = [load_file(folder / f"latency_ms={text}" / "uncut.safetensors") for text in ("90%", "60%")]
    assert all(torch.equal(value, uncut[1][key]) for key, value in uncut[0].items())
    costs = [row["cost"] for row in found["rows"]]
    assert costs[0] > costs[1]


def test_a_finished_frontier_is_not_worked_on_again_and_takes_further_budgets(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(finished()[0], tmp_path / "frontier"))
    before = (folder / "latency_ms=90%" / "weights.safetensors").stat().st_mtime_ns
    edgenas("search", *asked("--latency-ms", "90%,75%", "--out", folder)).refused(2, "--resume")
    result = edgenas("search", *asked("--latency-ms", "75%,90%,1%", "--out", folder, "--resume", "--json"))
    assert result.code == 3
    document = result.document
    assert [row["budget"] for row in document["rows"]] == ["90%", "75%", "1%"]
    assert "reaches from" in document["rows"][2]["error"] and not document["rows"][2]["within"]
    assert document["rows"][1]["accuracy"] is None and document["rows"][1]["cost"] is not None
    assert "teach the uncut network" not in result.err
    assert (folder / "latency_ms=90%" / "weights.safetensors").stat().st_mtime_ns == before


def test_the_report_compares_the_budgets() -> None:
    pytest.importorskip("plotly")
    folder, _ = finished()
    page = Path(succeed("report", folder, "--json").document["report"]).read_text()
    assert "latency_ms%3D60%25/report.html" in page and "Accuracy on the test part" in page
    edgenas("report", folder, "--baselines").refused(2, "holds several budgets", "latency_ms=50%")


def test_a_later_run_takes_over_what_an_earlier_one_was_taught(tmp_path: Path) -> None:
    folder, _ = finished()
    earlier = folder / "latency_ms=90%"
    result = succeed("search", *asked("--latency-ms", "70%", "--teacher", earlier, "--out", tmp_path / "run"))
    assert f"as {earlier} taught it" in result.err and "teach the uncut network" not in result.err
    run, other = Run.open(tmp_path / "run"), Run.open(earlier)
    assert read(run.folder, "own.json")["accuracy"] == read(earlier, "own.json")["accuracy"]
    assert run.config.is_same_run(other.config.model_copy(update={"budgets": run.config.budgets}))
    task = Work(run).task
    images = task.normalise(task.train.images[:3])
    assert torch.equal(Work(run).own.network(images), Work(other).own.network(images))


def test_what_it_would_lose_is_learnt_anew_where_other_modules_are_kept(tmp_path: Path) -> None:
    earlier = finished()[0] / "latency_ms=90%"
    succeed("search", *asked("--latency-ms", "90%", "--keep", "blocks.1", "--teacher", earlier, "--out",
                             tmp_path / "run"))
    assert list(read(tmp_path / "run", "own.json")["rises"]) == ["blocks.0"]


@pytest.mark.parametrize(("options", "words"), [
    (("--teach-epochs", "3"), ("its teach_epochs is 2, not 3", "leave out --teacher")),
    (("--set", "train.lr=0.5"), ("its train.lr is 0.001, not 0.5",)),
    (("--seed", "1"), ("its data_fingerprint is",)),
])
def test_a_teacher_of_another_recipe_is_refused_by_what_differs(tmp_path: Path, options: tuple[str, ...],
                                                                words: tuple[str, ...]) -> None:
    earlier = finished()[0] / "latency_ms=90%"
    edgenas("search", *asked("--latency-ms", "70%", "--teacher", earlier, *options, "--out", tmp_path / "run")).refused(
        2, "is of another network, other data or another recipe", *words)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("options", "words"), [
    ((*QUICK, "--latency-ms", "75%,50%"), ("are several budgets, which are for a network of your own",)),
    ((*QUICK, "--min-accuracy", "50"), ("--min-accuracy 50 is for a network of your own",)),
    ((*ASKED, "--latency-ms", "75%,0.75e2%"), ("latency_ms=75% is given twice",)),
    ((*ASKED, "--latency-ms", "75%,"), ("is no number",)),
    ((*ASKED, "--latency-ms", "75%,50%", "--seeds", "2"), ("--seeds does not go with several budgets",)),
    ((*ASKED, "--min-accuracy", "50", "--latency-ms", "50%"), ("both --min-accuracy and --latency-ms",)),
    ((*ASKED, "--min-accuracy", "101"), ("--min-accuracy 101 is no percentage",)),
    ((*ASKED, "--latency-ms", "70%", "--teacher", "nowhere"), ("nowhere holds no run",)),
])
def test_what_does_not_go_together_is_refused(tmp_path: Path, options: tuple[str, ...],
                                              words: tuple[str, ...]) -> None:
    edgenas("run", *options, "--out", tmp_path / "run").refused(2, *words)
    assert not (tmp_path / "run").exists()


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    edgenas("run", *asked("--latency-ms", "75%,50%", "--out", tmp_path)).refused(2, "'notes.txt', which is no run")


def test_the_least_latency_that_holds_an_accuracy_is_among_what_was_tried(tmp_path: Path) -> None:
    uncut = read(finished()[0], "frontier.json")["uncut"]["accuracy"]["validation"]
    floor = 100 * uncut - 1e-6
    asked_for = asked("--min-accuracy", floor, "--teacher", finished()[0] / "latency_ms=90%", "--out", tmp_path / "run")
    result = edgenas("search", *asked_for)
    found = read(tmp_path / "run", "frontier.json")
    held = [row for row in found["rows"] if row["accuracy"]["validation"] >= floor / 100]
    assert result.code == (0 if held else 3)
    assert 2 <= len(found["rows"]) <= 6 and result.err.count("tried latency_ms=") == len(found["rows"])
    if held:
        assert found["chosen"] == min(held, key=lambda row: row["cost"])["budget"]
        again = succeed("search", *asked_for, "--resume", "--json")
        assert again.document["rows"] == found["rows"] and "train: " not in again.err


def test_a_floor_above_the_uncut_network_is_refused_with_the_figures(tmp_path: Path) -> None:
    said = edgenas("run", *asked("--min-accuracy", "99.5", "--teacher", finished()[0] / "latency_ms=90%", "--out",
                                 tmp_path / "run")).refused(3, "the uncut network is right on", "asks for 99.5%")
    assert "validation images" in said and "--resume" in said
    assert not (tmp_path / "run" / "latency_ms=100%" / "architecture.json").exists()


def test_the_cheapest_that_holds_is_chosen_by_what_was_measured() -> None:
    def row(cost: float, validation: float, within: bool = True) -> FrontierRow:
        return FrontierRow(budget=f"{cost}", run="", within=within, cost=cost,
                           accuracy=Accuracy(validation=validation, test=0.0))

    rows = [row(3, 0.9), row(2, 0.8), row(1, 0.7), row(1.5, 0.9, within=False),
            FrontierRow(budget="0.5", run="", within=False, error="none")]
    assert cheapest(rows, 0.8) is rows[1] and cheapest(rows, 0.95) is None and not holds(rows[3], 0.8)


def test_from_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(3)
    same: dict[str, Any] = {"data": "digits", "max_images": 200, "device": "mock", "train_epochs": 1,
                            "profiles": str(base() / "profiles"), "options": {"search.trials": 1}}
    found = package.frontier(Net().eval(), latency_ms=["90%", "60%"], out=tmp_path / "runs", **same)
    assert found.within and list(found.runs) == ["90%", "60%"]
    assert [p.budget for p in found.points] == ["uncut", "90%", "60%"] and "60%" in str(found)
    assert found.runs["60%"].verdict.within and found.points[2].cost.unit == "ms"  # type: ignore[union-attr]
    with pytest.raises(package.errors.UsageError, match="are no several budgets"):
        package.frontier(Net(), latency_ms=["90%"], out=tmp_path / "one", **same)
    with pytest.raises(package.errors.UsageError, match="are several budgets"):
        package.specialise(Net(), latency_ms="90%,60%", out=tmp_path / "one", **same)
    monkeypatch.setattr(own_phase, "CHANCE", 0.0)
    run = package.specialise(Net().eval(), min_accuracy=0.1, out=tmp_path / "floor", **same)
    assert run.verdict.within and run.artifacts and run.folder.parent == tmp_path / "floor"
