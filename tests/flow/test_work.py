"""What the phases of a run share is made once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from edgenas.data import sources
from edgenas.data.raw import RawData
from edgenas.flow.run import Run
from edgenas.flow.work import Work

from .flows import DIGITS, MOCK, QUICK, Finished, copied, succeed

TRIED = ("--strategy", "random", "--set", "space.depth=2", "--set", "search.space_networks=1", "--set",
         "search.trial_epochs=1", "--set", "search.trials=0", "--train-epochs", "1")


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sources that were read."""
    found: list[str] = []
    read = sources.read

    def noted(source: str) -> RawData:
        found.append(source)
        return read(source)

    monkeypatch.setattr(sources, "read", noted)
    return found


@pytest.mark.parametrize("asked", [("search", *QUICK, "--budget", "macs=69%"),
                                   ("search", *DIGITS, *MOCK, *TRIED, "--try", "space.width=0.25,0.5", "--budget",
                                    "macs=250000")])
def test_a_command_loads_its_data_once(asked: tuple[str, ...], loads: list[str], tmp_path: Path) -> None:
    succeed(*asked, "--profiles", tmp_path / "p", "--out", tmp_path / "run")
    assert loads == ["digits"]


def test_a_later_command_loads_them_once_too(counted: Finished, loads: list[str], tmp_path: Path) -> None:
    out = copied(counted, tmp_path / "run")
    succeed("verify", out)
    assert loads == ["digits"]
    work = Work(Run.open(out))
    assert work.task is work.product().task and loads == ["digits"] * 2


def test_what_a_run_kept_is_read_without_pytorch(counted: Finished) -> None:
    code = f"""
import sys
from pathlib import Path
from edgenas.flow.records import Decoding, Verdict
from edgenas.flow.run import Run
run = Run.open(Path({str(counted.folder)!r}))
print(Decoding.read(run.folder).predicted, Verdict.read(run.folder).within)
print(sorted({{"torch", "sklearn", "scipy.stats", "lightning_fabric"}} & set(sys.modules)))
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()
    assert found[-1] == "[]" and found[0].endswith("True")
