from __future__ import annotations

import csv
import json
import math
import subprocess
import sys
from pathlib import Path

import published_operators
import pytest
from click.testing import CliRunner
from operator_features import Workload
from published_operators import COLUMNS, FOLDS, folds, main, read

from edgenas.errors import DataError, UsageError


def made_up(path: Path, count: int = 60, device: str = "board") -> Path:
    """Operators whose time is their MACs at 1 GMAC/s and 1 ms a 64 output channels."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream)
        rows.writerow(COLUMNS)
        for i in range(count):
            inputs, weight = [1, 8 * (1 + i % 6), 14, 14], [16 * (1 + i // 6), 8 * (1 + i % 6), 1, 1]
            text = json.dumps([["TENSOR", inputs, "float32"], ["TENSOR", weight, "float32"], [1, 1], [0, 0, 0, 0],
                               [1, 1], "float32"])
            cost_ms = math.prod(weight) * 14 * 14 / 1e6 + weight[0] / 64
            rows.writerow(["made_up", device, "conv2d_nchw.made_up", text, cost_ms])
    return path


def test_the_kernel_regression_beats_macs_alone(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["--data", str(made_up(tmp_path / "ops.csv")), "--json"], catch_exceptions=False)
    kernel, by_macs = json.loads(result.stdout)["devices"]
    assert (kernel["device"], kernel["count"], kernel["layers"]) == ("made_up board", 60, 60)
    assert kernel["mape"] < by_macs["mape"] / 3
    assert 0.8 <= kernel["coverage"] <= 1.0
    assert by_macs["coverage"] is None


def test_a_table_without_json(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["--data", str(made_up(tmp_path / "ops.csv"))], catch_exceptions=False)
    assert "Spearman" in result.stdout
    assert "kernel" in result.stdout


def test_equal_layers_share_a_fold(tmp_path: Path) -> None:
    workloads, _ = read(made_up(tmp_path / "ops.csv"))["made_up board"]
    half = [Workload(w.task, "float16", w.input, w.weight, w.output, w.stride, w.macs) for w in workloads]
    found = folds(workloads + half, seed=0)
    assert found[:60].tolist() == found[60:].tolist()
    assert {int((found == f).sum()) for f in range(FOLDS)} == {24}


def test_each_device_is_one_group(tmp_path: Path) -> None:
    lines = [made_up(tmp_path / f"{d}.csv", device=d).read_text().splitlines() for d in ("one", "two")]
    both = tmp_path / "both.csv"
    both.write_text("\n".join(lines[0] + lines[1][1:]))
    assert set(read(both)) == {"made_up one", "made_up two"}


@pytest.mark.parametrize(("text", "says"), [
    ("", "holds no rows"), ("file,model\na,b\n", "'task' is no known column"),
    ("file,model,task,args_json,cost_ms\na,b,c,[],fast\n", "column cost_ms"),
    ("file,model,task,args_json,cost_ms\na,b\n", "line 2: columns are missing"),
    ("file,model,task,args_json,cost_ms\na,b,dense.x,[],1.0\n", "dense.x"),
])
def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "ops.csv"
    path.write_text(text)
    with pytest.raises(UsageError, match=says):
        read(path)


def test_too_few_operators_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has 20 operators"):
        read(made_up(tmp_path / "ops.csv", count=20))


def test_a_missing_file_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    script = published_operators.__file__
    done = subprocess.run([sys.executable, script, "--data", str(tmp_path / "absent.csv")], capture_output=True,
                          text=True)
    assert done.returncode == 2
    assert "absent.csv: No such file" in done.stderr
    assert "Traceback" not in done.stderr
