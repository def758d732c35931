"""Processors that TVM compiles for, and the program that links for each."""

from __future__ import annotations

import difflib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from edgenas.errors import ExportError, UsageError, unknown
from edgenas.export.extras import import_extra
from edgenas.files import said_full, unwritable
from edgenas.measure.process import Done, complete


@dataclass(frozen=True)
class Compiler:
    """target: TVM's description of the processor; program: the C++ compiler that links its libraries."""

    name: str
    target: dict[str, Any]
    program: str


HOST = "host"
LONGEST_S = 1800.0  # for a compiler: what is compiled with weights inside may be large
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
# LLVM's names of what a processor must have to run the code of its family's compiler and C library.
NEEDED = {
    "aarch64": ("neon",),
    "armv7": ("v7", "aclass", "neon"),
    "riscv64": ("64bit", "m", "a", "f", "d", "c"),
    "x86-64": ("64bit", "sse2"),
}
CPU_MARK = ":"


def linker(chosen: Compiler) -> Callable[..., None]:
    """What TVM's `export_library` links with: as tvm.support.cc does it, within limits.

    Raises, when it is called: RuntimeError with the compiler's own words; StorageError where a disk takes no more;
    DeviceError if it does not end.
    """
    def link(output: str, objects: Sequence[str], options: Sequence[str] = ()) -> None:
        done = called(chosen, ["-shared", "-fPIC", "-o", output, *options, *objects])
        if done.status:
            raise RuntimeError(f"{chosen.program} cannot link it: "
                               + next(iter(done.first.splitlines()), f"exit status {done.status}"))

    return link


def called(chosen: Compiler, arguments: Sequence[str], folder: str | None = None) -> Done:
    """The compiler run in `folder`, its words in English.

    Raises: StorageError where it found no room; DeviceError if it does not end.
    """
    done = complete(["env", "LC_ALL=C", chosen.program, *arguments], LONGEST_S, folder=folder)
    if done.status and (said := said_full(done.first) or said_full(done.words)):
        raise unwritable(f"what {chosen.program} makes", OSError(said))
    return done


def with_cpu(family: str, cpu: str | None) -> str:
    """`aarch64`, or `aarch64:cortex-a72`: what compiler(), an artifact and a device's file call a target.

    Raises: UsageError for a CPU without a family to which it belongs.
    """
    if cpu is None:
        return family
    if family == HOST:
        raise UsageError(f"the CPU {cpu!r} was given without the target that it belongs to",
                         f"--target {' or '.join(CROSS)}; files for the host are for its very CPU")
    return f"{family}{CPU_MARK}{cpu}"


def compiler(target: str) -> Compiler:
    """How to compile for `target`: `host`, one of CROSS, or one of them and a CPU as LLVM calls it.

    Raises: UsageError for an unknown target or CPU; ExportError when its C++ compiler is not installed.
    """
    check_target(target)
    family, _, cpu = target.partition(CPU_MARK)
    found = _host() if family == HOST else _tuned(CROSS[family], cpu) if cpu else CROSS[family]
    if shutil.which(found.program) is None:
        raise ExportError(f"compiling for {target!r} needs the program {found.program!r}, which is not installed",
                          f"apt install {PACKAGES[found.program]}")
    return found


def check_target(target: str) -> None:
    """Raises: UsageError for an unknown target or CPU."""
    family, mark, cpu = target.partition(CPU_MARK)
    if family not in (HOST, *CROSS) or (family == HOST and mark):
        raise unknown("target", target, [HOST, *CROSS])
    if mark:
        _tuned(CROSS[family], cpu)


def _tuned(family: Compiler, cpu: str) -> Compiler:
    """Raises: UsageError for a CPU that LLVM does not know, or that lacks what its family needs."""
    Target, codegen = import_extra("tvm.target", "tvm").Target, import_extra("tvm.target.codegen", "tvm")
    known = list(map(str, codegen.llvm_get_cpu_archlist(Target(family.target))))
    hint = "--cpu of another processor, or without --cpu for what all of them can do"
    if cpu not in known:
        near = difflib.get_close_matches(cpu, known, n=4)
        raise UsageError(f"{cpu!r} is no CPU of target {family.name!r} that LLVM knows",
                         f"did you mean {' or '.join(map(repr, near))}?" if near else hint)
    triple = {"kind": "llvm", "mtriple": family.target["mtriple"], "mcpu": cpu}
    has = set(map(str, codegen.llvm_get_cpu_features(Target(triple))))
    if lacking := [feature for feature in NEEDED[family.name] if feature not in has]:
        raise UsageError(f"the CPU {cpu!r} cannot run programs of target {family.name!r}: "
                         f"it lacks what LLVM calls {', '.join(lacking)}", hint)
    return replace(family, name=f"{family.name}{CPU_MARK}{cpu}", target=family.target | {"mcpu": cpu})


def _host() -> Compiler:
    from tvm.target.codegen import llvm_get_system_cpu
    return Compiler(HOST, {"kind": "llvm", "mcpu": llvm_get_system_cpu()}, "g++")
