from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch
from search.toy import colours, fabric, sealed, stack_space
from torch import nn

from edgenas.errors import Diverged
from edgenas.selection.learning_speed import halved, trial_loss
from edgenas.space import Architecture, Choice, Space
from edgenas.train.checkpoint import epoch_generator
from edgenas.train.loop import train
from edgenas.train.settings import TrainSettings

SETTINGS = TrainSettings(epochs=6, batch_size=16, lr=0.1)
ARCHITECTURE = Architecture({"one": "o0", "two": "o1", "three": "o2"})


def trial(folder: Path, epochs: int, said: list[str] | None = None, settings: TrainSettings = SETTINGS) -> float:
    heard = said if said is not None else []
    return trial_loss(lambda: stack_space().build(ARCHITECTURE), sealed(colours()), settings, epochs, 3, fabric(),
                      folder / "trial.pt", heard.append)


def test_the_loss_is_that_of_the_training_it_begins(tmp_path: Path) -> None:
    torch.manual_seed(epoch_generator(3, 0, "network").initial_seed())
    _, history = train(stack_space().build(ARCHITECTURE), colours(), settings=SETTINGS, seed=3, fabric=fabric(),
                       checkpoint=tmp_path / "whole.pt")
    for epochs in (1, 4):
        assert trial(tmp_path / str(epochs), epochs) == pytest.approx(history[epochs - 1].loss, rel=1e-4)


def test_an_interrupted_trial_goes_on_to_the_same_result(tmp_path: Path) -> None:
    said: list[str] = []
    trial(tmp_path / "a", 2)
    assert trial(tmp_path / "a", 4, said) == pytest.approx(trial(tmp_path / "b", 4), rel=1e-4)
    assert len(said) == 4  # those of before, too: a progress bar counts them
    assert trial(tmp_path / "a", 2) == pytest.approx(trial(tmp_path / "c", 2), rel=1e-4)  # though it went further


def test_what_learns_faster_has_the_lower_loss(tmp_path: Path) -> None:
    def network(shape: tuple[int, int, int], classes: int) -> nn.Module:
        def layer() -> nn.Module:
            return nn.Sequential(nn.Conv2d(shape[0], 8, 3), nn.BatchNorm2d(8), nn.ReLU())

        choice = Choice({"learning": layer(), "frozen": layer().requires_grad_(False)})
        return nn.Sequential(choice, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, classes))

    space = Space("net", network, (3, 8, 8), 4, {})
    learning, frozen = (trial_loss(partial(space.build, Architecture({"0": name})), colours(), SETTINGS, 4, 0, fabric(),
                                   tmp_path / f"{name}.pt") for name in ("learning", "frozen"))
    assert learning < frozen - 0.05


def test_divergence_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(Diverged, match="diverged"):
        trial(tmp_path, 3, settings=TrainSettings(epochs=6, batch_size=16, lr=1e30))


def test_half_of_the_networks_go_on_for_twice_as_many_epochs() -> None:
    networks = [Architecture({"1": name}) for name in "abcdefgh"]
    asked = []

    def losses(left: list[Architecture], epochs: int) -> dict[Architecture, float]:
        asked.append((epochs, "".join(a["1"] for a in left)))
        order = {2: "hgfeabcd", 4: "ehgf", 6: "he"}[epochs]  # the best first
        return {a: float(order.index(a["1"])) for a in left}

    assert halved(networks, 2, 6, losses)["1"] == "h"
    assert asked == [(2, "abcdefgh"), (4, "hgfe"), (6, "eh")]  # 8 epochs would be more than there are
    assert halved(networks[:1], 2, 6, losses) == networks[0] and len(asked) == 3
    assert halved(networks[:3], 2, 6, lambda left, epochs: dict.fromkeys(left, 1.0)) == networks[0]
