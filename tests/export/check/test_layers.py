from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from edgenas.errors import UsageError
from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.check.layers import divergence, first_divergence
from edgenas.export.check.values import Layer, layers

from ..conftest import Exported

WRONG = [("0.weight", "0 (conv2d)"), ("3.body.4.running_mean", "3.body.3 (conv2d)"),  # the file has them as one
        
         ("4.body.6.gate.3.bias", "4.body.6.gate.3 (conv2d)"), ("10.bias", "10 (linear)")]


@pytest.mark.parametrize("name", ["net", "grey", "strided", "outside", "linear"])
def test_a_right_file_holds_what_pytorch_computes(exported: Exported, name: str) -> None:
    item = exported.items[name]
    assert first_divergence(item.module, item.example, item.path, exporter(exported.format)) is None


@pytest.mark.parametrize(("weight", "layer"), WRONG)
def test_the_layer_whose_weight_is_another_is_named(exported: Exported, weight: str, layer: str) -> None:
    item = exported.items["net"]
    wrong = copy.deepcopy(item.module)
    with torch.no_grad():
        value = wrong.state_dict()[weight]
        value[(0,) * value.ndim] += 1
    assert first_divergence(wrong, item.example, item.path, exporter(exported.format)) == layer


def test_int8_rounds_each_layer_but_does_not_make_it_another(net, images, tmp_path) -> None:
    item = Export(net, images[:1], tmp_path / "net.tflite", images)
    exporter("tflite").export([item], precision="int8")
    assert first_divergence(net, images[:1], item.path, exporter("tflite"), "int8") is None
    wrong = copy.deepcopy(net)
    with torch.no_grad():
        wrong[10].weight *= -1
    assert first_divergence(wrong, images[:1], item.path, exporter("tflite"), "int8") == "10 (linear)"


def test_layers_are_named_as_the_module_names_them() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.part = nn.Sequential(nn.Linear(4, 4), nn.ReLU())

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.part(self.part(x)) + x

    found = layers(Twice(), torch.randn(1, 4))
    assert [layer.name for layer in found] == ["the input", "part.0 (linear)", "part.1 (relu)", "part.0 (linear)",
                                               "part.1 (relu)", "add"]
    assert found[0].inputs == () and set(found[-1].inputs) == {0, 4}


def test_a_value_that_is_changed_in_place_is_kept_as_it_was() -> None:
    module = nn.Sequential(nn.Linear(4, 4), nn.ReLU(inplace=True))
    image = torch.randn(1, 4)
    with torch.no_grad():
        assert np.array_equal(layers(module, image)[1].value, module[0](image))


def ramp(*values: float) -> np.ndarray:
    return np.float32([values])


def test_what_leads_to_a_right_value_is_right_and_a_constant_proves_nothing() -> None:
    chain = [Layer("the input", (), ramp(1, 2)), Layer("a", (0,), ramp(3, 4)), Layer("b", (1,), ramp(5, 7)),
             Layer("c", (2,), ramp(1, 1)), Layer("unused", (2,), ramp(8, 9)), Layer("d", (3,), ramp(2, 3))]
    assert divergence(chain, [ramp(2, 3)], 1e-4) is None
    assert divergence(chain, [ramp(3, 4), ramp(1, 1)], 1e-4) == "b"
    assert divergence(chain, [ramp(5, 7)], 1e-4) == "c"
    assert divergence(chain, [ramp(5, 7), ramp(np.nan, 3)], 1e-4) == "c"


def test_a_format_whose_values_cannot_be_seen_is_refused(net, images, tmp_path) -> None:
    assert exporter("onnx").shows_values and not exporter("binary").shows_values
    with pytest.raises(UsageError, match="the format 'binary' does not show what it computes inside"):
        first_divergence(net, images[:1], tmp_path / "net.bin", exporter("binary"))
