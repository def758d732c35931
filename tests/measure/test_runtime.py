"""The contract of every runtime."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from edgenas.errors import UsageError, UserCodeError
from edgenas.measure.job import Artifact
from edgenas.measure.measure import measure
from edgenas.measure.packages import how_to_install
from edgenas.measure.runtime import Reported, load_runtime, read_runtime, runtime_names
from edgenas.testing import RuntimeContract

from .conftest import expected, made_file, runtimes


class TestEveryRuntime(RuntimeContract):
    """On files that were made by other converters than edgenas' own."""

    packages = frozenset({"onnx", "onnxruntime", "tvm", "ethosu", "tflite_micro", "ai_edge_litert", "flatbuffers"})

    @pytest.fixture(params=runtimes())
    def runtime(self, request) -> str:
        return request.param

    @pytest.fixture
    def network_file(self, request, runtime) -> Path:
        return made_file(request, runtime)

    def expected(self, images: np.ndarray) -> np.ndarray:
        return expected(images)


@pytest.mark.parametrize("runtime", [name for name in runtime_names() if load_runtime(name).in_caller])
def test_one_that_computes_in_the_calling_thread_spends_that_threads_time(runtime, host, network_file, brief):
    """The network is so small that wall time has undisturbed moments whatever else the machine does."""
    [found] = measure(host, runtime, [Artifact("a", network_file)], threads=1, protocol=brief)
    assert found.cpu_ms == pytest.approx(found.wall_ms, rel=0.2)


def test_only_runtimes_of_this_machines_processor_say_that_they_compute_in_the_calling_thread():
    assert {name for name in runtime_names() if load_runtime(name).in_caller} == {
        "onnxruntime", "litert", "tvm", "library"}


def test_unknown_runtime_suggests_the_nearest():
    with pytest.raises(UsageError, match="'onnxrutime' is no known runtime") as caught:
        load_runtime("onnxrutime")
    assert "did you mean 'onnxruntime'?" in caught.value.hint


SAYS = """
FORMAT, SUFFIX, EXTRA = "onnx", ".onnx", "onnx"
_DTYPES = {"float": "float32"}
def version(): return "1"
def helper(): return None
class Session: ...
"""


def written(folder: Path, code: str) -> ModuleType:
    path = folder / "run_own.py"
    path.write_text(SAYS + code)
    spec = importlib.util.spec_from_file_location("run_own", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_a_file_does_not_say_has_a_default(tmp_path):
    found = read_runtime(written(tmp_path, ""))
    assert (found.name, found.file, found.format, found.suffix) == ("own", tmp_path / "run_own.py", "onnx", ".onnx")
    assert (found.precisions, found.provenance, found.takes_time, found.needs_python) == (("fp32",), "measured", True,
                                                                                        True)
    more = read_runtime(written(tmp_path, 'PACKAGES = {"fast": "fast-runtime"}')).packages
    assert how_to_install("fast.core", "pip install", more) == "pip install fast-runtime"
    said = read_runtime(written(tmp_path, 'PRECISIONS = ("int8",)\nMETRICS = {"sram_kib": ("sram_kib", "counted")}'))
    assert said.precisions == ("int8",) and said.metrics == {"sram_kib": Reported("sram_kib", "counted")}


@pytest.mark.parametrize(("code", "message", "hint"), [
    ('PRECISION = ("int8",)', "PRECISION is nothing that a runtime says", "did you mean PRECISIONS?"),
    ('PROVENENCE = "estimated"', "PROVENENCE is nothing that a runtime says", "did you mean PROVENANCE?"),
    ("XYZ = 1", "XYZ is nothing that a runtime says", "a constant of its own begins with _: _XYZ"),
    ("def refusals(path): return ''", "refusals is nothing that a runtime defines", "did you mean refusal?"),
    ('PRECISIONS = ("int4",)', "PRECISIONS cannot be used: Input should be 'fp32', 'int8' or 'mixed'", "mend it"),
    ('PRECISIONS = "int8"', "PRECISIONS cannot be used: Input should be a valid tuple", "mend it"),
    ('PROVENANCE = "guessed"', "PROVENANCE cannot be used", "mend it"),
    ('IN_CALLER = "no"', "IN_CALLER cannot be used: Input should be a valid boolean", "mend it"),
    ("clock = 3", "clock cannot be used: Input should be callable", "mend it"),
    ("del Session", "it does not define Session", "a runtime defines FORMAT, SUFFIX, EXTRA, Session, version"),
])
def test_what_no_runtime_says_is_refused_by_name(tmp_path, code, message, hint):
    with pytest.raises(UserCodeError) as caught:
        read_runtime(written(tmp_path, code))
    assert message in caught.value.message and "run_own.py" in caught.value.message and hint in caught.value.hint
