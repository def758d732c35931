"""int8 files: against PyTorch, ai-edge-quantizer, Arm's NPU compiler and the interpreter of microcontrollers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from ai_edge_litert.schema_py_generated import ModelT
from torch import Tensor, nn

from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.check.session import open_session
from edgenas.export.package.contents import operators, signature
from edgenas.export.tflite.graph import code_name

from ..nets import MBConv, coloured, decided, settled
from ..vocabulary import blocks, single

CALIBRATION = coloured(48, 3, 20, 28)
IMAGES = coloured(200, 3, 20, 28) + 0.1 * torch.randn(200, 3, 20, 28, generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope="module")
def net() -> nn.Module:
    torch.manual_seed(0)
    return decided(settled(nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU6(), MBConv(8, 8, 3),
        MBConv(8, 16, 5, stride=2, squeeze_excite=True), nn.Conv2d(16, 24, 1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, 5))), CALIBRATION).eval()


@pytest.fixture(scope="module")
def files(net: nn.Module, tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("int8")
    paths = {precision: folder / f"{precision}.tflite" for precision in ("fp32", "int8")}
    for precision, path in paths.items():
        exporter("tflite").export([Export(net, CALIBRATION[:1], path, CALIBRATION)], precision=precision)
    return paths


def logits(path: Path, images: Tensor = IMAGES) -> np.ndarray:
    return open_session(path, "litert").predict(images.numpy())


def cosine(first: np.ndarray, second: np.ndarray) -> float:
    first, second = first.ravel().astype(np.float64), second.ravel().astype(np.float64)
    return float(first @ second / np.linalg.norm(first) / np.linalg.norm(second))


def test_int8_predicts_as_fp32_does(files: dict[str, Path]) -> None:
    exact, found = logits(files["fp32"]), logits(files["int8"])
    assert cosine(found, exact) > 0.99
    assert (found.argmax(1) == exact.argmax(1)).mean() > 0.9
    assert operators(files["int8"]) == operators(files["fp32"])
    assert files["int8"].stat().st_size < files["fp32"].stat().st_size


def test_every_value_is_int8(files: dict[str, Path]) -> None:
    (image,), (made,) = signature(files["int8"])
    assert (image.dtype, made.dtype) == ("int8", "int8")
    assert image.quantisation is not None and made.quantisation is not None
    assert image.quantisation.scale == pytest.approx(float(CALIBRATION.max() - CALIBRATION.min()) / 255)
    model = ModelT.InitFromPackedBuf(files["int8"].read_bytes())
    for tensor in model.subgraphs[0].tensors:
        assert tensor.type in (2, 9)  # INT32: biases and shapes
        bias = tensor.type == 2 and tensor.name.endswith(b".2")
        assert (tensor.quantization is not None) == (tensor.type == 9 or bias)


def test_each_output_channel_has_its_own_scale(files: dict[str, Path]) -> None:
    model = ModelT.InitFromPackedBuf(files["int8"].read_bytes())
    graph = model.subgraphs[0]
    axes = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0}
    seen = 0
    for operator in graph.operators:
        name = code_name(model.operatorCodes[operator.opcodeIndex])
        if name in axes:
            image, weight, bias = (graph.tensors[index] for index in operator.inputs)
            assert weight.quantization.quantizedDimension == axes[name]
            assert len(weight.quantization.scale) == weight.shape[axes[name]] == len(bias.quantization.scale)
            np.testing.assert_allclose(bias.quantization.scale, weight.quantization.scale * image.quantization.scale[0],
                                       rtol=1e-6)
            seen += 1
    assert seen == 11


@pytest.mark.parametrize("name", [*single(), *blocks()])
def test_every_operator_in_int8(name: str, tmp_path: Path) -> None:
    module, shape = (single() | blocks())[name]
    images = 2 * torch.randn(16, *shape, generator=torch.Generator().manual_seed(1))
    path = tmp_path / "net.tflite"
    exporter("tflite").export([Export(module, images[:1], path, images)], precision="int8")
    with torch.no_grad():
        expected = module(images).numpy()
    found = logits(path, images)
    assert cosine(found.transpose(0, 3, 1, 2) if found.ndim == 4 else found, expected) > 0.995


@pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors:UserWarning")  # how it watches ranges
def test_it_is_as_exact_as_the_official_quantizer(net: nn.Module, files: dict[str, Path], tmp_path: Path,
                                                  capfd) -> None:
    from ai_edge_quantizer import calibrator, quantizer, recipe, recipe_manager
    from ai_edge_quantizer.utils import qsv_utils
    source, oracle = str(files["fp32"]), tmp_path / "oracle.tflite"
    rules, manager = recipe.static_wi8_ai8(), recipe_manager.RecipeManager()
    manager.load_quantization_recipe(rules)
    watcher = calibrator.Calibrator(source, qsv_update_func=qsv_utils.min_max_update)
    samples = [{"image": image.permute(0, 2, 3, 1).numpy()} for image in CALIBRATION.split(1)]
    watcher.calibrate({"serving_default": samples}, manager)
    quantizer.Quantizer(source, rules).quantize(watcher.get_model_qsvs()).export_model(str(oracle))
    exact, ours, theirs = logits(files["fp32"]), logits(files["int8"]), logits(oracle)
    assert operators(oracle) == operators(files["int8"])
    assert np.square(ours - exact).mean() == pytest.approx(np.square(theirs - exact).mean(), rel=0.1)
    assert cosine(ours, theirs) > 0.999


def test_the_npu_takes_every_operator(files: dict[str, Path], tmp_path: Path, capsys) -> None:
    from ethosu.vela import vela
    vela.main([str(files["int8"]), "--accelerator-config", "ethos-u55-128", "--output-dir", str(tmp_path)])
    said = capsys.readouterr().out
    assert "CPU operators = 0 (0.0%)" in said
    assert (tmp_path / "int8_vela.tflite").is_file()


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_microcontroller_computes_the_same(files: dict[str, Path], precision: str) -> None:
    from tflite_micro.python.tflite_micro import runtime
    interpreter = runtime.Interpreter.from_file(str(files[precision]), arena_size=1 << 20)
    (image,), (made,) = signature(files[precision])
    found = []
    for pixels in IMAGES[:20].permute(0, 2, 3, 1).numpy():
        interpreter.set_input((image.quantisation.quantise(pixels) if image.quantisation else pixels)[None], 0)
        interpreter.invoke()
        output = interpreter.get_output(0)
        found.append(made.quantisation.dequantise(output) if made.quantisation else output)
    step = made.quantisation.scale if made.quantisation else 1e-5
    np.testing.assert_allclose(np.concatenate(found), logits(files[precision], IMAGES[:20]), atol=8 * step)
