"""What holds for the files of every format."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edgenas.errors import ExportError, UsageError
from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.check.parity import gate, parity
from edgenas.export.package.contents import signature

from .conftest import Exported
from .nets import MBConv, Unsupported, settled


@pytest.mark.parametrize("name", ["net", "grey", "strided", "shared", "shared smaller", "nothing", "linear", "outside"])
def test_the_file_computes_what_pytorch_computes(exported: Exported, name: str) -> None:
    item = exported.items[name]
    images = torch.randn(3, *item.example.shape[1:], generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        expected = item.module.eval()(images).numpy()
    np.testing.assert_allclose(exported.output(name, images), expected, rtol=1e-4, atol=1e-5)


def test_every_prediction_agrees(exported: Exported, net: nn.Module, images: Tensor) -> None:
    found = parity(net, exported.predict("net"), images)
    gate(found)
    assert found.agreement == 1.0
    assert found.max_abs < 1e-4
    assert len(set(exported.predict("net")(images.numpy()).argmax(1))) == 5


def test_a_file_of_other_weights_fails_the_gate(exported: Exported, net: nn.Module, images: Tensor) -> None:
    changed = copy.deepcopy(net)
    changed[0].weight.data[2] *= 1.1
    with pytest.raises(ExportError, match="does not compute what PyTorch computes"):
        gate(parity(changed, exported.predict("net"), images))


def test_every_item_is_reported_once_its_file_is_there(exported: Exported) -> None:
    assert exported.done == list(exported.items.values())
    assert all(item.path.is_file() for item in exported.done)


def test_names_shapes_and_dtypes(exported: Exported) -> None:
    shapes = {"onnx": (1, 3, 20, 28), "tflite": (1, 20, 28, 3), "tvm": (1, 3, 20, 28)}
    (image,), (logits,) = signature(exported.items["net"].path)
    assert (image.name, image.shape, image.dtype) == ("image", shapes[exported.format], "float32")
    assert (logits.name, logits.shape, logits.dtype) == ("logits", (1, 5), "float32")


def test_a_feature_map_has_the_layout_of_the_format(exported: Exported) -> None:
    (image,), (logits,) = signature(exported.items["strided"].path)
    last = exported.format == "tflite"
    assert image.shape == ((1, 11, 11, 8) if last else (1, 8, 11, 11))
    assert logits.shape == ((1, 6, 6, 12) if last else (1, 12, 6, 6))


def test_a_precision_that_the_format_lacks_is_refused(exported: Exported, tmp_path: Path) -> None:
    to = exporter(exported.format)
    item = Export(nn.Linear(3, 2), torch.randn(1, 3), tmp_path / f"net{to.suffix}", torch.randn(4, 3))
    with pytest.raises(UsageError) as caught:
        to.export([item], precision="int3")
    assert caught.value.message == f"the format {to.format!r} has no precision 'int3'"
    assert caught.value.hint == f"its precisions: {', '.join(to.precisions)}"
    assert not any(tmp_path.iterdir())


def test_no_file_tells_where_it_was_made(exported: Exported) -> None:
    traces = [str(place).encode() for place in (Path(__file__).parent, Path.home(), Path(torch.__file__).parent)]
    traces += [b"MiniNet", b"MBConv", b"nets.py"]
    for item in exported.items.values():
        content = item.path.read_bytes()
        assert not [trace for trace in traces if trace in content]


def test_an_unsupported_operator_is_named_with_its_file(exported: Exported, tmp_path: Path, capfd) -> None:
    to = exporter(exported.format)
    good = Export(nn.ReLU(), torch.randn(1, 3, 4, 4), tmp_path / f"good{to.suffix}")
    bad = Export(Unsupported(), torch.randn(1, 3, 4, 4), tmp_path / f"bad{to.suffix}")
    capfd.readouterr()
    with pytest.raises(ExportError) as caught:
        to.export([good, bad])
    assert caught.value.message.startswith(f"bad{to.suffix}: ")
    assert "_linalg_svd" in caught.value.message
    assert "\n" not in caught.value.message
    assert good.path.is_file()
    assert not bad.path.exists()
    assert capfd.readouterr() == ("", "")


def test_weights_that_are_not_finite_are_refused(exported: Exported, tmp_path: Path) -> None:
    to = exporter(exported.format)
    block = settled(MBConv(4, 4, 3))
    block.body[0].weight.data[0] = float("nan")
    item = Export(block, torch.randn(1, 4, 5, 5), tmp_path / f"block{to.suffix}")
    with pytest.raises(ExportError, match=r"body\.0\.weight"):
        to.export([item])
    assert not any(tmp_path.iterdir())
