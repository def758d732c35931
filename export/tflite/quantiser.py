"""int8 TFLite files by Google's own quantizer, ai-edge-quantizer: for modules that are not written directly."""

from __future__ import annotations

import contextlib
import io
import tempfile
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from edgenas.export.extras import import_extra
from edgenas.export.quiet import muted, quiet
from edgenas.export.tflite.graph import canonical, code_name


def quantised(model: bytes, calibration: Tensor) -> bytes:
    """An fp32 TFLite model of input `image` in int8, input and output too.

    Ranges are the smallest and largest values on `calibration` (n, ...), NCHW when 4-D. The quantizer's own way of
    calibrating is a moving average, which clips.

    Raises: ValueError naming operators that stay in float32.
    """
    package = import_extra("ai_edge_quantizer", "tflite")
    from ai_edge_quantizer.utils import qsv_utils
    rules, manager = package.recipe.static_wi8_ai8(), package.recipe_manager.RecipeManager()
    manager.load_quantization_recipe(rules)
    with tempfile.TemporaryDirectory(prefix="edgenas-") as folder, quiet(), muted(), (
            contextlib.redirect_stdout(io.StringIO())):
        warnings.filterwarnings("ignore", ".*experimental_preserve_all_tensors", UserWarning)  # how it watches ranges
        source, made = str(Path(folder) / "fp32.tflite"), str(Path(folder) / "int8.tflite")
        Path(source).write_bytes(model)
        watcher = package.calibrator.Calibrator(source, qsv_update_func=qsv_utils.min_max_update)
        watcher.calibrate({"serving_default": _samples(calibration)}, manager)
        package.quantizer.Quantizer(source, rules).quantize(watcher.get_model_qsvs()).export_model(made)
        return _checked(Path(made).read_bytes())


def _samples(calibration: Tensor) -> list[dict[str, Any]]:
    arranged = calibration.permute(0, 2, 3, 1) if calibration.ndim == 4 else calibration
    return [{"image": image.contiguous().numpy()} for image in torch.split(arranged, 1)]


def _checked(content: bytes) -> bytes:
    from ai_edge_litert.schema_py_generated import ModelT, TensorType
    model = ModelT.InitFromPackedBuf(content)
    (graph,) = model.subgraphs
    plain = sorted({code_name(model.operatorCodes[operator.opcodeIndex]) for operator in graph.operators
                    for tensor in operator.outputs if graph.tensors[tensor].type == TensorType.FLOAT32})
    if plain := [name for name in plain if name != "DEQUANTIZE"] or plain:  # what stays is what that one stands before
        raise ValueError(f"{', '.join(plain)} would stay in float32")
    return canonical(model, graph.inputs[0], graph.outputs[0])
