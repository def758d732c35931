from __future__ import annotations

import csv
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from nasbench201_cell import EDGES, NONE, OPERATORS, Cell, as_executed, as_written
from networks_predicted import Networks, kernel, pick
from published_networks import main, read

from edgenas.errors import DataError

COSTS = {"written": [0.3, 1.0, 6.0, 1.5, 0.1, 0.0], "executed": [0.1, 2.5, 16.0, 3.0, 0.0, 0.0]}


def text(operators: tuple[str, ...]) -> str:
    edges = [f"{name}~{source}|" for name, (source, _) in zip(operators, EDGES, strict=True)]
    return f"|{edges[0]}+|{''.join(edges[1:3])}+|{''.join(edges[3:])}"


def made_up(folder: Path, count: int = 160) -> list[str]:
    """Two devices, one of which executes everything and one that does not; 3% noise. Returns the file options."""
    rng = np.random.default_rng(0)
    every = list(itertools.product([NONE, *OPERATORS], repeat=len(EDGES)))
    cells = [Cell(every[i]) for i in rng.permutation(len(every))[:count]]
    latency = {"written": as_written(cells) @ COSTS["written"] + 2,
               "executed": as_executed(cells) @ COSTS["executed"] + 2}
    with (folder / "latency.csv").open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream)
        rows.writerow(["index", "arch", *latency])
        for i, cell in enumerate(cells):
            noisy = [ms[i] * np.exp(0.03 * rng.standard_normal()) for ms in latency.values()]
            rows.writerow([i, text(cell.operators), *noisy])
    with (folder / "accuracy.csv").open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream)
        rows.writerow(["index", "arch", "cifar100"])
        points = 50 + as_written(cells) @ [1, 2, 3, 0, 0, 0]
        rows.writerows([i, text(cell.operators), points[i]] for i, cell in enumerate(cells))
    return ["--accuracy", str(folder / "accuracy.csv"), "--latency", str(folder / "latency.csv")]


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory):
    options = made_up(tmp_path_factory.mktemp("published"))
    done = CliRunner().invoke(main, [*options, "--devices", "written,executed", "--train", "40", "--draws", "2",
                                     "--source-train", "80", "--json"], catch_exceptions=False)
    return json.loads(done.stdout)


def test_dead_cells_are_left_out(result) -> None:
    assert result["networks"] + result["dead_left_out"] == 160
    assert result["dead_left_out"] > 0


def test_what_a_device_executes_is_learned(result) -> None:
    by = {(row["device"], row["model"]): row for row in result["predicted"]}
    for device in ("written", "executed"):
        assert by[device, "kernel regression"]["mape"] < 0.06
        assert by[device, "kernel regression"]["count"] == result["networks"] - 40
        assert 0.75 < by[device, "kernel regression"]["coverage"] <= 1.0
        assert by[device, "linear on MACs"]["spearman"] < by[device, "kernel regression"]["spearman"]
    assert by["executed", "linear on operator counts"]["mape"] > 0.15


def test_every_ordered_pair_is_transferred_and_averaged(result) -> None:
    pairs = {(row["source"], row["target"]) for row in result["transfer"]}
    assert pairs == {("written", "executed"), ("executed", "written"), (None, None)}
    mean = {row["method"]: row for row in result["transfer"] if row["source"] is None}
    ours = [row["spearman"] for row in result["transfer"] if row["source"] and row["method"] == "transfer"]
    assert mean["transfer"]["spearman"] == pytest.approx(np.mean(ours))
    assert mean["transfer"]["spearman"] > 0.9


def test_picks_at_three_budgets_with_and_without_the_interval(result) -> None:
    assert len(result["picked"]) == 2 * 3 * 2
    missed = {by: sum(row["missed"] for row in result["picked"] if row["picked_by"] == by)
              for by in ("prediction", "interval's upper end")}
    assert missed["interval's upper end"] <= missed["prediction"]
    assert {row["draws"] for row in result["picked"]} == {2}


def test_a_table_without_json_and_a_single_device(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, [*made_up(tmp_path), "--devices", "written", "--train", "20", "--draws", "1"],
                              catch_exceptions=False)
    assert "kernel" in done.stdout
    assert "picked under a budget" in done.stdout


def test_a_pick_is_the_most_accurate_believed_to_hold() -> None:
    believed, measured = np.array([1.0, 2.0, 3.0, 2.5]), np.array([1.0, 2.4, 1.9, 2.0])
    accuracy = np.array([10.0, 30.0, 40.0, 35.0])
    missed = pick(believed, measured, accuracy, 2.0)
    assert missed is not None
    assert (missed.over, missed.regret) == pytest.approx((0.2, 10.0))
    assert pick(believed, measured, accuracy, 0.5) is None


def test_too_few_networks_for_an_interval_have_none() -> None:
    cells = [Cell((*edges, "skip_connect", NONE, "skip_connect")) for edges in itertools.product(OPERATORS, repeat=3)]
    networks = Networks.of(cells)
    measured_ms = networks.counts @ [1.0, 2.0, 3.0, 4.0] + 1
    assert kernel(networks, measured_ms, np.arange(8), 0).high_ms is None
    assert kernel(networks, measured_ms, np.arange(9), 0).high_ms is not None


@pytest.mark.parametrize(("options", "says"), [
    (["--devices", "writen"], "'writen' is no known column"),
    (["--devices", "written", "--dataset", "mnist"], "'mnist' is no known column"),
    (["--devices", "written", "--train", "900"], "too few for these options"),
])
def test_options_that_do_not_fit_the_files_are_refused(tmp_path: Path, options: list[str], says: str) -> None:
    done = CliRunner().invoke(main, [*made_up(tmp_path), "--source-train", "50", *options])
    assert says in str(done.exception)


def test_files_of_different_architectures_are_refused(tmp_path: Path) -> None:
    made_up(tmp_path)
    lines = (tmp_path / "accuracy.csv").read_text().splitlines()
    (tmp_path / "accuracy.csv").write_text("\n".join(lines[:100]))
    with pytest.raises(DataError, match="61 architectures of .* first \\|"):
        read(tmp_path / "accuracy.csv", tmp_path / "latency.csv", ["written"], "cifar100")
