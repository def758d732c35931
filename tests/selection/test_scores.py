from __future__ import annotations

import pytest
import torch
from search.toy import colours, fabric
from torch import nn

from edgenas.data import Split
from edgenas.search.strategy import load_strategy
from edgenas.selection.scores import Untrained, asking
from edgenas.selection.zero_cost import IMAGES, blocks_of, measures_of
from edgenas.space import Architecture, Space, load_space
from edgenas.space.pick import picked
from edgenas.train.checkpoint import epoch_generator
from edgenas.train.fabric import accuracy, recalibrate


def space() -> Space:
    return load_space("nasbench201", (3, 8, 8), 4, {"channels": "4", "cells": "1"})


def all_of(name: str) -> Architecture:
    return Architecture(dict.fromkeys(space().choices, name))


def test_the_figures_of_an_untrained_network_are_its_measures_and_macs_asked_once(
        monkeypatch: pytest.MonkeyPatch) -> None:
    task, architecture = colours(), all_of("nor_conv_3x3")
    untrained = Untrained(space(), task, fabric(), seed=3)
    found = dict(untrained.figures(architecture))
    expected = measures_of(space().build(architecture), blocks_of(space()),
                           task.normalise(task.train.images[:IMAGES]), epoch_generator(3, 0, "zero-cost"))
    assert found == pytest.approx(expected | {"macs": untrained.macs.predict(architecture)}, rel=1e-5)
    monkeypatch.setattr(Space, "build", None)
    assert untrained.figures(architecture) == found


def test_the_supernet_answers_with_its_weights_and_statistics_of_the_network_s_own() -> None:
    task, supernet, strategy = colours(), space().supernet(), load_strategy("snas")
    with torch.no_grad():  # batch norms that no network of it could use as they are
        for module in supernet.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.fill_(7.0)
    architectures = [all_of("nor_conv_3x3"), all_of("skip_connect")]
    with asking(supernet, task, strategy, fabric(), images=40) as validation:
        found = [validation(architecture) for architecture in architectures]
    for architecture, answer in zip(architectures, found, strict=True):
        network = picked(supernet, architecture)
        recalibrate(network, task.train, task, fabric(), images=40)
        part = Split(task.validation.images[:40], task.validation.labels[:40])
        assert answer == accuracy(network, part, task, fabric())
    assert found[0] != found[1]
