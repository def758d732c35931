"""examples/plugin, installed into a folder of its own: one of each kind of thing, used through its entry points."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "examples/plugin"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("plugin")
    source = shutil.copytree(PACKAGE, base / "source")  # building leaves files behind
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation",
                    "--no-index", "--disable-pip-version-check", "--target", base / "site", source],
                   check=True, capture_output=True)
    return base / "site"


def edgenas(site: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return module(site, folder, "edgenas", *arguments)


def module(site: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1",
                   "EDGENAS_PROFILES": str(folder / "profiles")}
    return subprocess.run([sys.executable, "-m", *arguments], cwd=folder, env=environment, capture_output=True,
                          text=True)


def test_each_of_them_keeps_the_contract_of_its_family(installed: Path, tmp_path: Path) -> None:
    tests = shutil.copytree(PACKAGE / "tests", tmp_path / "tests")
    done = module(installed, tmp_path, "pytest", "-q", "-p", "no:cacheprovider", str(tests))
    assert done.returncode == 0, done.stdout[-4000:]
    assert " passed" in done.stdout and "skipped" not in done.stdout


def test_a_command_and_a_strategy_of_another_package(installed: Path, tmp_path: Path) -> None:
    said = edgenas(installed, tmp_path, "coin")
    assert (said.returncode, said.stdout) == (0, "coin: The first candidate of every choice, or the last\n")


def test_a_network_to_begin_with_of_another_package(installed: Path, tmp_path: Path) -> None:
    document = json.loads(edgenas(installed, tmp_path, "starters", "--json").stdout)
    found = {row["from"]: row for row in document["starters"]}
    assert found["coin"]["installed"] and found["coin"]["image_size"] == 32
    said = edgenas(installed, tmp_path, "spaces", "show", "--from", "coin", "--data", "digits")
    assert said.returncode == 2 and "coin takes colour images" in said.stderr


def test_the_flow_with_a_space_data_strategy_format_device_of_another_package(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        'name = "mine"\ndescription = "Here"\ntransport = "patient"\nruntimes = ["mock", "onnxruntime_basic"]\n'
        "[options]\nseconds = 0.01\n")
    done = edgenas(installed, tmp_path, "run", "--data", "stripes", "--space", "tiny", "--strategy", "coin", "--device",
                   "mine.toml", "--latency-ms", "90%", "--train-epochs", "1", "--format", "onnx-packed",
                   "--format", "onnx", "--out", "run", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["strategy"], document["space"], document["device"]) == ("coin", "tiny", "mine")
    assert {a["format"]: a["agreement"] for a in document["artifacts"]} == {"onnx": 1.0, "onnx_packed": 1.0}
    assert edgenas(installed, tmp_path, "report", "run").returncode == 0
    assert "Strategy coin: heads." in (tmp_path / "run/report.html").read_text()
    checked = edgenas(installed, tmp_path, "devices", "check", "mine.toml", "--runtime", "onnxruntime_basic", "--json")
    assert "basic" in checked.stdout, checked.stderr


def test_without_the_package_its_names_are_unknown(tmp_path: Path) -> None:
    said = edgenas(tmp_path, tmp_path, "search", "--data", "digits", "--strategy", "coin", "--budget", "macs=50%",
                   "--out", "r")
    assert said.returncode == 2 and "'coin' is no known strategy" in said.stderr


def test_a_package_that_cannot_be_imported_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("raise RuntimeError('\\x1b[2Jno')\n")
    information = tmp_path / "broken-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[edgenas.commands]\nbroken = broken\n")
    said = edgenas(tmp_path, tmp_path, "broken")
    assert said.returncode == 2 and "Traceback" not in said.stderr and "\x1b" not in said.stderr
    assert "the command 'broken' of the installed package broken cannot be imported: RuntimeError" in said.stderr
