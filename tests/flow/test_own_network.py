"""A trained network of the user's own, made to fit: edgenas run --from."""

from __future__ import annotations

import functools
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from edgenas.api.run import specialise
from edgenas.errors import UsageError
from edgenas.flow import foreign_network
from edgenas.flow.inheritance import inherits
from edgenas.flow.run import Run
from edgenas.flow.work import Work
from edgenas.space import Architecture
from edgenas.space.elastic import ABSENT

from .flows import edgenas, succeed
from .own_network import Net

FILE = Path(__file__).with_name("own_network.py")
DATA = ("--data", "digits", "--max-images", "200")
QUICK = (*DATA, "--device", "mock", "--set", "search.trials=2", "--train-epochs", "1")


def asked(*more: object, build: str = "build", budget: str = "70%") -> tuple[object, ...]:
    return ("--from", f"{FILE}:{build}", *QUICK, "--latency-ms", budget, *more)


@functools.cache
def folder() -> tempfile.TemporaryDirectory[str]:
    found = tempfile.TemporaryDirectory(prefix="edgenas-own-")
    torch.manual_seed(3)
    save_file(Net().state_dict(), Path(found.name) / "w.safetensors")
    return found


def base() -> Path:
    """Where the runs and the weights are that tests share."""
    return Path(folder().name)


@functools.cache
def finished() -> Path:
    """The whole flow with weights of one's own."""
    said = succeed("run", *asked("--weights", base() / "w.safetensors", "--baselines"), "--profiles",
                   base() / "profiles", "--out", base() / "run").out
    assert "before and after" in said and "file_kib" in said
    return base() / "run"


def read(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text())


def test_the_whole_flow_ends_within_the_share_of_what_was_measured_of_the_uncut_network() -> None:
    run = Run.open(finished())
    before = read(run.folder, "own.json")["before"]["latency_ms"]
    (budget,) = read(run.folder, "verify.json")["budgets"]
    assert budget["limit"] == pytest.approx(0.7 * before) and budget["within"]
    assert run.config.strategy == "importance" and run.config.distill == "uncut"
    assert run.config.train.optimizer == "adamw" and run.config.train.epochs == 1


def test_training_begins_with_the_weights_that_the_found_network_keeps() -> None:
    work = Work(Run.open(finished()))
    given = load_file(base() / "w.safetensors")
    whole = Architecture({choice: names[0] for choice, names in work.space.choices.items()})
    uncut = load_file(work.run.folder / "uncut.safetensors")
    assert all(torch.equal(uncut[key], value) for key, value in given.items())
    images = work.task.normalise(work.task.train.images[:3])
    assert torch.equal(work.space.build(whole).eval()(images), work.own.network(images))


def test_the_budget_is_held_by_cutting_not_by_chance() -> None:
    work = Work(Run.open(finished()))
    picked = dict(work.architecture)
    assert picked != {choice: names[0] for choice, names in work.space.choices.items()}
    assert ABSENT in work.space.choices["blocks.0"] and "w4" in work.space.choices["blocks.1"]


def test_rules_by_which_people_cut_are_baselines_at_the_same_budget() -> None:
    found = read(finished(), "baselines.json")
    limit = read(finished(), "verify.json")["budgets"][0]["limit"]
    assert {"uniform_widths", "blocks_dropped"} <= set(found)
    trained = [row for row in found.values() if "accuracy" in row]
    assert trained and all(row["measured"]["latency_ms"] <= limit for row in trained)


def test_the_report_says_before_and_after() -> None:
    pytest.importorskip("plotly")
    page = (finished() / "report.html").read_text()
    assert "Before and after" in page and "What kept its size" in page and "blocks.0" in page


def test_a_run_stands_alone_of_the_weights_file_it_began_with(tmp_path: Path) -> None:
    weights = tmp_path / "w.safetensors"
    weights.write_bytes((base() / "w.safetensors").read_bytes())
    request = (*asked("--weights", weights), "--profiles", base() / "profiles", "--out", tmp_path / "run")
    succeed("search", *request)
    weights.unlink()
    run = Run.open(tmp_path / "run")
    assert Work(run).own.network.stem.weight.shape == (8, 1, 3, 3)  # type: ignore[union-attr]
    assert dict(run.architecture) == dict(Run.open(finished()).architecture)


def test_a_new_head_is_found_and_taught_before_anything_is_cut(tmp_path: Path) -> None:
    request = (*asked("--new-head", "--teach-epochs", "2", build="seven"), "--profiles", base() / "profiles", "--out",
               tmp_path / "run")
    result = succeed("search", *request)
    assert "new head: head now tells the data's 10 classes apart" in result.err
    record = read(tmp_path / "run", "own.json")
    assert record["head"] == "head" and len(record["history"]) == 2
    assert Work(Run.open(tmp_path / "run")).own.network.head.out_features == 10  # type: ignore[union-attr]


@pytest.mark.parametrize(("build", "words"), [
    ("seven", ("tells 7 classes apart, and the data has 10", "--new-head")),
    ("branching", ("cannot be followed", "own_network.py", "x.sum() > 0")),
    ("colour", ("fails on an image of 1x8x8", "--image-size")),
    ("two_inputs", ("takes 2 inputs (x, mask)",)),
    ("fixed", ("nothing can vary", "too narrow to be cut")),
    ("nan", ("stem.bias holds values that are not finite",)),
    ("missing", ("'missing' is no known function",)),
])
def test_networks_that_cannot_be_used_are_refused_in_one_sentence(tmp_path: Path, build: str,
                                                                  words: tuple[str, ...]) -> None:
    edgenas("run", *asked(build=build), "--out", tmp_path / "run").refused(2, *words)
    assert not (tmp_path / "run").exists()


def test_weights_of_another_network_are_refused_by_the_first_name(tmp_path: Path) -> None:
    save_file({key: value for key, value in Net().state_dict().items() if key != "head.bias"}, tmp_path / "w")
    edgenas("run", *asked("--weights", tmp_path / "w"), "--out", tmp_path / "run").refused(2, "it lacks head.bias")


def test_a_budget_below_the_smallest_network_is_refused_without_a_word_of_spaces_by_name() -> None:
    said = edgenas("search", *asked(budget="0.0001"), "--profiles", base() / "profiles", "--out",
                   base() / "small").refused(3, "reaches from")
    assert "space.width" not in said and "raise the budget" in said


@pytest.mark.parametrize(("options", "words"), [
    (("--weights", "w.safetensors"), ("--weights is for a network of your own", "--from net.py:build")),
    (("--new-head",), ("--new-head is for a network of your own",)),
    (("--distill", "uncut"), ("--distill uncut is for a trained network of your own",)),
    (("--strategy", "importance"), ("strategy 'importance' is for a trained network of your own", "--from")),
    (("--from", f"{FILE}:build", "--space", "ofa"), ("both --space ofa and --from",)),
    (("--from", f"{FILE}:build", "--set", "space.width=2"), ("has no option 'width'",)),
    (("--from", f"{FILE}:build", "--mean", "0.5,0.5"), ("--mean has 2 values, and the images have 1 channels",)),
])
def test_options_that_do_not_go_together_are_refused(tmp_path: Path, options: tuple[str, ...],
                                                     words: tuple[str, ...]) -> None:
    edgenas("run", *QUICK, "--latency-ms", "50%", *options, "--out", tmp_path / "run").refused(2, *words)


def test_spaces_show_tells_what_varies_and_what_keeps_its_size_and_why() -> None:
    document = succeed("spaces", "show", "--from", f"{FILE}:build", *DATA, "--json").document
    assert [choice["name"] for choice in document["choices"]] == ["blocks.0", "blocks.1"]
    assert document["fixed"][0]["layers"] == "stem, blocks.0.down, blocks.1.down"
    assert "stream" in document["fixed"][0]["why"]
    edgenas("spaces", "show", "--from", f"{FILE}:build").refused(2, "--from needs --data")
    edgenas("spaces", "show").refused(2, "there is no space to show")
    edgenas("spaces", "show", "mobile", "--from", "x:y").refused(2, "both a space, mobile, and --from x:y")


def test_a_network_made_in_python_is_made_to_fit_as_well(tmp_path: Path) -> None:
    torch.manual_seed(3)
    network = Net().eval()
    run = specialise(network, data="digits", max_images=200, device="mock", latency_ms="70%", train_epochs=1,
                     options={"search.trials": 1}, profiles=str(base() / "profiles"), out=tmp_path / "run")
    assert run.verdict.within and not [m for m in run.network.modules() if type(m).__module__.startswith("edgenas")]
    foreign_network._given.clear()
    with pytest.raises(UsageError, match="given in Python, and is not in this process"):
        Work(Run.open(tmp_path / "run")).own.network  # noqa: B018


def test_a_damaged_folder_is_told_in_one_sentence(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(finished(), tmp_path / "run"))
    save_file({"channels.0": torch.ones(3)}, folder / "importance.safetensors")
    edgenas("verify", folder).refused(2, "importance.safetensors is of another network")
    (folder / "uncut.safetensors").write_bytes(b"no")
    edgenas("verify", folder).refused(2, "uncut.safetensors is damaged")


def test_code_that_a_strangers_run_names_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(shutil.copytree(finished(), tmp_path / "run"))
    monkeypatch.setenv("EDGENAS_RUNS", str(tmp_path / "elsewhere"))
    edgenas("verify", folder).refused(2, "origin", "own_network.py:build", "--trust")


def test_a_strategy_that_trains_a_supernet_searches_it_too(tmp_path: Path) -> None:
    succeed("search", *asked("--weights", base() / "w.safetensors", "--strategy", "snas", "--search-epochs", "1",
                             "--set", "search.candidates=1"),
            "--profiles", base() / "profiles", "--out", tmp_path / "run")
    run = Run.open(tmp_path / "run")
    assert inherits(run) and dict(run.architecture)
