"""Whether images are normalised as a network was trained."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from edgenas.data import Task, load
from edgenas.data.task import Split
from edgenas.flow.probe import GIVEN, by_features, probed, usual
from edgenas.flow.records.probe import Probe, Tried
from edgenas.progress import Silent
from edgenas.train.fabric import new_fabric
from edgenas.train.loop import TrainSettings, train

from .flows import succeed
from .own_network import Net
from .test_own_network import FILE, base

HALF = ((0.5,) * 3, (0.5,) * 3)


@pytest.fixture
def task() -> Task:
    """Two classes of colour images, whose pixels are 0.85 and 0.95 of white."""
    labels = torch.arange(80) % 2
    images = torch.where(labels == 0, 217, 242).to(torch.uint8)[:, None, None, None].expand(80, 3, 4, 4)
    split = Split(images.contiguous(), labels)
    return Task("bright", "here", ("dark", "bright"), split, split, split, *HALF, 0, (), "")


class Bright(nn.Module):
    """Right on images from 0 to 1 alone."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(1, 2)
        with torch.no_grad():
            self.head.weight.copy_(torch.tensor([[-1.0], [1.0]]))
            self.head.bias.copy_(torch.tensor([0.025, -0.025]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.relu(x.mean((1, 2, 3))[:, None] - 0.91).clamp(max=0.05))


@pytest.mark.parametrize("head", ["", "head"])
def test_the_normalisation_that_a_network_was_made_for_is_named(task: Task, head: str) -> None:
    found = probed(Bright(), task, head, new_fabric("cpu"), Silent())
    rows = {row.name: row.accuracy for row in found.rows}
    assert list(rows)[0] == GIVEN and rows[GIVEN] == 0.5 and rows["from 0 to 1"] == 1.0
    assert found.better is not None and rows[found.better.name] == 1.0 and "is that how it was trained?" in found.said()
    right = probed(Bright(), replace(task, mean=(0.0,) * 3, std=(1.0,) * 3), head, new_fabric("cpu"), Silent())
    assert right.better is None and right.said() == "" and right.to_json()["better"] is None


def judged(images: int, *rows: tuple[str, tuple[float, ...], tuple[float, ...], float]) -> Probe:
    return Probe(by="head", images=images, rows=tuple(Tried(name=name, mean=mean, std=std, accuracy=share)
                                                      for name, mean, std, share in ((GIVEN, *HALF, 0.5), *rows)))


def test_a_sentence_can_be_typed(task: Task) -> None:
    probe = judged(400, ("ImageNet's", (0.485, 0.456, 0.406), HALF[1], 0.7))
    assert "on 70.0% of 400 validation images with --mean 0.485,0.456,0.406 --std 0.5,0.5,0.5 (ImageNet's)" in (
        probe.said())


@pytest.mark.parametrize(("images", "better"), [(400, True), (40, False)])
def test_what_may_be_chance_is_not_told(images: int, better: bool) -> None:
    probe = judged(images, ("from 0 to 1", *HALF, 0.62))
    assert bool(probe.said()) is better


def test_what_is_the_same_as_the_given_is_not_tried_again(task: Task) -> None:
    assert "from -1 to 1" not in usual(replace(task, mean=(127 / 255,) * 3, std=(128 / 255,) * 3))
    assert "MNIST's" in usual(load("digits", max_images=100)) and "MNIST's" not in usual(task)


def test_features_that_are_no_numbers_tell_nothing(task: Task) -> None:
    class Broken(Bright):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(x.mean((1, 2, 3))[:, None] * float("inf"))

    assert by_features(Broken(), task, "head", task.validation, new_fabric("cpu")) == 0.0


def test_a_run_says_so_before_it_cuts_anything(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network, data = Net(), load("digits", max_images=1000)
    train(network, replace(data, mean=(0.5,), std=(0.5,)), settings=TrainSettings(epochs=6), seed=0,
          checkpoint=tmp_path / "c.pt", fabric=new_fabric("cpu"))
    save_file({key: value.contiguous() for key, value in network.state_dict().items()}, tmp_path / "w.safetensors")
    asked = ("search", "--from", f"{FILE}:build", "--weights", tmp_path / "w.safetensors", "--data", "digits",
             "--max-images", "1000", "--device", "mock", "--latency-ms", "90%", "--set", "search.trials=1",
             "--profiles", base() / "profiles")
    said = succeed(*asked, "--mean", "0", "--std", "0.004", "--out", tmp_path / "wrong").err
    assert "is that how it was trained?" in said
    assert json.loads((tmp_path / "wrong" / "own.json").read_text())["probe"]["by"] == "head"
    assert "is that how" not in succeed(*asked, "--mean", "0.5", "--std", "0.5", "--out", tmp_path / "right").err
