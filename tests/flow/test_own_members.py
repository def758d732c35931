"""A strategy and an exporter of the user's own, named as FILE.py:NAME."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgenas.errors import UsageError, UserCodeError
from edgenas.export import exporter, exporter_named
from edgenas.search.strategy import load_strategy

from .flows import DIGITS, MOCK, OWN_SPACE, edgenas, succeed

FOLDER = Path(__file__).parents[2] / "examples/plugin/edgenas_coin"
COIN, PACKED = f"{FOLDER / 'strategy.py'}:Coin", f"{FOLDER / 'format.py'}:EXPORTER"


def test_a_run_by_a_strategy_and_into_a_format_of_ones_own(tmp_path: Path) -> None:
    found = succeed("run", *DIGITS, *MOCK, *OWN_SPACE, "--set", "heads=2.0", "--strategy", COIN, "--budget", "macs=90%",
                    "--train-epochs", "1", "--format", PACKED, "--out", tmp_path / "run", "--json").document
    assert found["strategy"] == COIN
    assert json.loads((tmp_path / "run/run.json").read_text())["strategy"] == COIN
    (packed,) = [a for a in found["artifacts"] if a["format"] == "onnx_packed"]
    assert packed["agreement"] == 1.0
    succeed("train", tmp_path / "run")
    again = succeed("export", tmp_path / "run", "--format", PACKED, "--bundle", tmp_path / "net.zip",
                    "--json").document
    assert again["bundle"] and "onnx_packed" in {a["format"] for a in again["artifacts"]}
    edgenas("export", tmp_path / "run", "--format", "onnx-packt").refused(2, "'onnx_packt' is no known export format")


def own(folder: Path, text: str) -> str:
    (folder / "own.py").write_text(text)
    return str(folder / "own.py")


def test_what_is_no_strategy_or_no_exporter_is_one_sentence(tmp_path: Path) -> None:
    path = own(tmp_path, "from edgenas.search.strategies.snas import Snas\n"
                         "from edgenas.search.strategy import Strategy\nsnas = Snas()\n")
    with pytest.raises(UsageError, match="'snas' is no known strategy of") as caught:
        load_strategy(f"{path}:snas")
    assert "known: Snas" in caught.value.hint
    with pytest.raises(UsageError, match="'Strategy' is no known strategy of"):
        load_strategy(f"{path}:Strategy")
    with pytest.raises(UsageError, match="'EXPORTER' is no known exporter of"):
        exporter_named(f"{path}:EXPORTER")
    with pytest.raises(UserCodeError, match="ZeroDivisionError"):
        load_strategy(f"{own(tmp_path, '1 / 0')}:Coin")


def test_an_exporter_may_not_call_itself_as_one_that_there_is(tmp_path: Path) -> None:
    path = own(tmp_path, "from edgenas.export.exporters.onnx import ToOnnx\nEXPORTER = ToOnnx()\n")
    with pytest.raises(UsageError, match="calls its format 'onnx', and there is one of that name"):
        exporter_named(f"{path}:EXPORTER")


def test_a_manifest_cannot_make_a_file_be_imported(tmp_path: Path) -> None:
    path = own(tmp_path, f"from pathlib import Path\nPath({str(tmp_path / 'mark')!r}).touch()\nEXPORTER = 1\n")
    with pytest.raises(UsageError, match="is no known export format"):
        exporter(f"{path}:EXPORTER")
    assert not (tmp_path / "mark").exists()
