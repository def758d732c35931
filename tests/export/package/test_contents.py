from __future__ import annotations

from pathlib import Path

import pytest

from edgenas.errors import ExportError, UsageError
from edgenas.export.package.contents import TensorSpec, operators, sidecar_path, signature
from edgenas.export.quantise.scale import Scale

from ..conftest import Exported


def test_operators_of_the_whole_net(exported: Exported) -> None:
    convolutions = {"onnx": {"Conv": 13}, "tflite": {"CONV_2D": 10, "DEPTHWISE_CONV_2D": 3},
                    "tvm": {"nn.conv2d": 13}}
    found = operators(exported.items["net"].path)
    assert {name: count for name, count in found.items() if "conv" in name.lower()} == convolutions[exported.format]
    assert list(found) == sorted(found)


def test_a_specification_is_read_as_it_was_written() -> None:
    plain = TensorSpec(name="image", shape=(1, 3), dtype="int8")
    scaled = plain.model_copy(update={"quantisation": Scale(scale=0.5, zero_point=-3)})
    assert plain.model_dump(mode="json") == {"name": "image", "shape": [1, 3], "dtype": "int8"}
    for spec in (plain, scaled):
        assert TensorSpec.model_validate_json(spec.model_dump_json()) == spec


def test_a_damaged_file_is_refused(exported: Exported, tmp_path: Path) -> None:
    whole = exported.items["linear"].path
    path = tmp_path / whole.name
    damaged = sidecar_path(path) if exported.format == "tvm" else path
    source = sidecar_path(whole) if exported.format == "tvm" else whole
    content = source.read_bytes()
    for part in (b"", content[:len(content) // 3], b"not a network " * 20):
        damaged.write_bytes(part)
        with pytest.raises(ExportError, match="is damaged") as caught:
            signature(path)
        assert "\n" not in caught.value.message


def test_a_missing_file_is_named(exported: Exported, tmp_path: Path) -> None:
    path = tmp_path / exported.items["net"].path.name
    with pytest.raises(ExportError, match=f"cannot read .*{path.name}.*No such file"):
        operators(path)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'net\.pt' is no exported network"):
        operators(tmp_path / "net.pt")
