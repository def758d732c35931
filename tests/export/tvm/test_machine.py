from __future__ import annotations

import pytest
import tvm

from edgenas.export.tvm.machine import NEON_32_BIT, SCALAR, VECTORS, Machine, machine
from edgenas.export.tvm.target import CROSS


@pytest.mark.parametrize(("cpu", "feature"), [("skylake-avx512", "avx512f"), ("znver4", "avx512f"), ("haswell", "avx"),
                                              ("sandybridge", "avx"), ("nehalem", "sse2"), ("x86-64", "sse2")])
def test_vectors_of_a_cpu(cpu: str, feature: str) -> None:
    target = {"kind": "llvm", "mtriple": "x86_64-linux-gnu", "mcpu": cpu}
    assert machine(tvm.target.Target(target)) is VECTORS[feature]


@pytest.mark.parametrize(("name", "found"), [("aarch64", VECTORS["neon"]), ("armv7", NEON_32_BIT), ("riscv64", SCALAR),
                                             ("x86-64", VECTORS["sse2"])])
def test_vectors_that_every_processor_of_a_family_has(name: str, found: Machine) -> None:
    assert machine(tvm.target.Target(CROSS[name].target)) is found


def test_riscv_with_vectors() -> None:
    target = CROSS["riscv64"].target | {"mattr": ["+m", "+a", "+f", "+d", "+c", "+v"]}
    assert machine(tvm.target.Target(target)) is VECTORS["v"]
