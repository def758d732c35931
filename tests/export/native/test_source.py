from __future__ import annotations

import re

import pytest

from edgenas.export.native.aot import Buffer, Call, Plan
from edgenas.export.native.source import facts_source, native_source
from edgenas.export.package.contents import Sidecar, TensorSpec
from edgenas.measure.protocol import Protocol

GIVEN = Buffer("memory", 0, (1, 4), "float32")
FOUND = Buffer("memory", 64, (1, 2), "float32")
SIDECAR = Sidecar(inputs=(TensorSpec(name="image", shape=(1, 4), dtype="float32"),),
                  outputs=(TensorSpec(name="logits", shape=(1, 2), dtype="float32"),), operators={}, target="host")


def source(*between: Buffer) -> str:
    return native_source(Plan(GIVEN, FOUND, (Call("dense", (GIVEN, *between, FOUND)),), 128, b""))


def test_every_call_and_tensor_is_written_once() -> None:
    text = native_source(Plan(GIVEN, FOUND, (Call("a", (GIVEN, FOUND)), Call("a", (FOUND, FOUND))), 128, b""))
    assert text.count("static const struct tensor ") == 2
    assert text.count("kernel __tvm_ffi_a;") == 1
    assert re.findall(r"\{ __tvm_ffi_a, 2, (\w+) \}", text) == ["call_0", "call_1"]
    assert "net_step_count = 2;" in text
    assert "net_memory[32]" in text


@pytest.mark.parametrize(("dtype", "element"), [("float32", "2, 32"), ("int64", "0, 64"), ("uint8", "1, 8"),
                                                ("bool", "6, 8")])
def test_element_types(dtype: str, element: str) -> None:
    weights = Buffer("weights", 192, (), dtype)
    assert f"TENSOR(((char *)net_weights + 192), {element}, 0, ((const int64_t[]){{ 1 }}), NULL)" in source(weights)


@pytest.mark.parametrize("dtype", ["bfloat16", "float8_e4m3", "complex64"])
def test_an_element_type_that_it_cannot_write_is_refused(dtype: str) -> None:
    with pytest.raises(NotImplementedError, match=f"element type {dtype}"):
        source(Buffer("weights", 0, (2,), dtype))


def test_the_default_protocol_is_pythons() -> None:
    [text] = re.findall(r"net_protocol = \{ (.*) \};", facts_source(SIDECAR))
    found = dict(part.split(" = ") for part in text.split(", "))
    expected = {f".{name}": value for name, value in Protocol().to_dict().items() if name != "timeout_s"}
    assert {name: float(value) for name, value in found.items()} == expected
