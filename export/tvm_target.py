"""Processors that TVM compiles for, and the program that links for each."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import Any

from edgenas.errors import ExportError, unknown


@dataclass(frozen=True)
class Compiler:
    """target: TVM's description of the processor; program: the C++ compiler that links its libraries."""

    name: str
    target: dict[str, Any]
    program: str


PACKAGES = {
    "g++": "g++",
    "aarch64-linux-gnu-g++": "g++-aarch64-linux-gnu",
    "arm-linux-gnueabihf-g++": "g++-arm-linux-gnueabihf",
    "riscv64-linux-gnu-g++": "g++-riscv64-linux-gnu",
    "x86_64-linux-gnu-g++": "g++-x86-64-linux-gnu",
}

# The least that every processor of a family can do, so that a library runs on each of them.
CROSS = {
    "aarch64": Compiler("aarch64", {"kind": "llvm", "mtriple": "aarch64-linux-gnu", "mattr": ["+neon"]},
                        "aarch64-linux-gnu-g++"),
    "armv7": Compiler("armv7", {"kind": "llvm", "mtriple": "armv7-linux-gnueabihf", "mfloat-abi": "hard",
                                "mattr": ["+neon", "+vfp3"]}, "arm-linux-gnueabihf-g++"),
    "riscv64": Compiler("riscv64", {"kind": "llvm", "mtriple": "riscv64-linux-gnu", "mcpu": "generic-rv64",
                                    "mabi": "lp64d", "mattr": ["+m", "+a", "+f", "+d", "+c"]},
                        "riscv64-linux-gnu-g++"),
    "x86-64": Compiler("x86-64", {"kind": "llvm", "mtriple": "x86_64-linux-gnu", "mcpu": "x86-64"},
                       "x86_64-linux-gnu-g++"),
}


def compiler(target: str) -> Compiler:
    """How to compile for `target`: `host`, or one of CROSS.

    Raises: UsageError for an unknown target; ExportError when its C++ compiler is not installed.
    """
    if target != "host" and target not in CROSS:
        raise unknown("target of the TVM exporter", target, ["host", *CROSS])
    found = CROSS[target] if target in CROSS else _host()
    if shutil.which(found.program) is None:
        raise ExportError(f"compiling for {target!r} needs the program {found.program!r}, which is not installed",
                          f"apt install {PACKAGES[found.program]}")
    return found


def _host() -> Compiler:
    from tvm.target.codegen import llvm_get_system_cpu
    return Compiler("host", {"kind": "llvm", "mcpu": llvm_get_system_cpu()}, "g++")
