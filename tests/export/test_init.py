from __future__ import annotations

import subprocess
import sys

import pytest

from edgenas import export
from edgenas.errors import UsageError
from edgenas.export.base import Exporter


def test_formats_are_found_by_file_name() -> None:
    assert export.formats() == ["binary", "c_array", "ethosu", "library", "onnx", "tflite", "tvm"]


@pytest.mark.parametrize("format", export.formats())
def test_an_exporter_is_named_as_its_file(format: str) -> None:
    found = export.exporter(format)
    assert isinstance(found, Exporter)
    assert found.format == format
    assert found.extra == {"binary": "tvm", "library": "tvm", "c_array": "micro"}.get(format, format)
    assert found.suffix.startswith((".", "_"))
    assert found.proof in ("", *export.formats())


def test_dashes_stand_for_underscores() -> None:
    assert export.exporter("c-array") is export.exporter("c_array")


def test_an_unknown_format_names_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        export.exporter("onx")
    assert "'onx'" in caught.value.message
    assert "'onnx'" in caught.value.hint


def test_importing_is_light() -> None:
    code = ("import sys, edgenas.export, edgenas.export.base, edgenas.export.package.contents\n"
            "import edgenas.export.package.manifest\n"
            "edgenas.export.formats()\n"
            "print(sorted({'torch', 'onnx', 'tvm', 'litert_torch', 'flatbuffers'} & set(sys.modules)))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
