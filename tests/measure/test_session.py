from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from edgenas.errors import DeviceError, UsageError
from edgenas.export.check.session import Predictor, open_session, runtime_format

from .conftest import expected, runtimes, tolerance

IMAGES = np.random.default_rng(2).standard_normal((5, 3, 8, 8)).astype(np.float32)


def test_formats():
    formats = {runtime: runtime_format(runtime) for runtime in ("onnxruntime", "litert", "tvm", "mock")}
    assert formats == {"onnxruntime": "onnx", "litert": "tflite", "tvm": "tvm", "mock": "onnx"}


@pytest.mark.parametrize("runtime", runtimes())
def test_predicts_image_by_image(runtime, network_file):
    session = open_session(network_file, runtime)
    predictions = session.predict(IMAGES)
    assert predictions.shape == (5, 4) and predictions.dtype == np.float32
    np.testing.assert_allclose(predictions, expected(IMAGES), atol=tolerance(runtime))
    assert session.predict(IMAGES[:0]).shape == (0, 4)


@pytest.mark.parametrize(("channels_last", "expected_sum"), [(False, 0 + 1 + 2), (True, 0 + 9 + 18)])
def test_a_cube_is_arranged_as_the_format_has_it(channels_last, expected_sum):
    session = SimpleNamespace(inputs=[("x", [1, 3, 3, 3], "float32")], outputs=[("y", [1, 1], "float32")],
                              run=lambda arrays: [arrays[0][:, 0, 0, :].sum().reshape(1, 1)])
    cube = np.arange(27, dtype=np.float32).reshape(1, 3, 3, 3)
    assert Predictor(session, channels_last, "net").predict(cube) == [[expected_sum]]


@pytest.mark.parametrize("inputs", [[], [("x", [1, 3], "float32")] * 2, [("x", [2, 3], "float32")],
                                    [("x", [1, 3], "int8")]])
def test_a_model_that_does_not_take_one_float_image_is_refused(inputs):
    with pytest.raises(DeviceError, match="predictions need one float32 input for one image"):
        Predictor(SimpleNamespace(inputs=inputs), False, "net")


@pytest.mark.parametrize("shape", [(5, 3, 8, 9), (5, 192)])
def test_images_of_another_shape_are_refused(onnx_file, shape):
    with pytest.raises(UsageError, match=r"images of shape .* do not fit .*net.onnx in onnxruntime"):
        open_session(onnx_file, "onnxruntime").predict(np.zeros(shape, np.float32))


@pytest.mark.parametrize("runtime", runtimes())
def test_a_corrupt_file_is_a_device_error_with_the_runtimes_message(runtime, network_file, tmp_path):
    bad = tmp_path / f"bad{network_file.suffix}"
    bad.write_bytes(b"not a model")
    bad.with_name(f"{bad.name}.json").write_text('{"inputs": [], "outputs": []}')
    with pytest.raises(DeviceError, match=f"^{runtime} cannot load .*bad"):
        open_session(bad, runtime)


def test_a_file_of_another_format_is_refused(onnx_file):
    with pytest.raises(DeviceError, match="is no tflite file"):
        open_session(onnx_file, "litert")


@pytest.mark.parametrize("text", ["{", "[]", '{"inputs": [{"name": "x"}], "outputs": []}',
                                  '{"inputs": [{"name": "x", "shape": [1], "dtype": "no"}], "outputs": []}'])
def test_a_wrong_signature_is_a_device_error(tvm_file, tmp_path, text):
    (tmp_path / "net.so").write_bytes(tvm_file.read_bytes())
    (tmp_path / "net.so.json").write_text(text)
    with pytest.raises(DeviceError, match="'net.so.json' is no signature of inputs and outputs"):
        open_session(tmp_path / "net.so", "tvm")


def test_a_runtime_that_is_not_installed_says_what_to_install(onnx_file, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UsageError, match="'onnxruntime'") as caught:
        open_session(onnx_file, "onnxruntime")
    assert caught.value.hint == 'pip install "edgenas[onnx]"'
