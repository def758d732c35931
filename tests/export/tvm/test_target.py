from __future__ import annotations

import sys

import pytest
import tvm

from edgenas.errors import ExportError, UsageError
from edgenas.export.tvm.target import CROSS, PACKAGES, check_target, compiler, with_cpu


@pytest.mark.parametrize("target", ["host", *CROSS])
def test_a_missing_compiler_names_the_package_to_install(target: str, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ExportError) as caught:
        compiler(target)
    assert repr(target) in caught.value.message
    assert caught.value.hint.startswith("apt install g++")


@pytest.mark.parametrize("name", CROSS)
def test_every_target_is_one_that_tvm_knows(name: str) -> None:
    chosen = CROSS[name]
    assert chosen.name == name
    assert chosen.program in PACKAGES
    assert str(tvm.target.Target(chosen.target).attrs["mtriple"]) in chosen.target["mtriple"]


def test_the_host_is_this_processor() -> None:
    assert compiler("host").target["mcpu"] not in ("", "generic")


def test_an_unknown_with_cpus_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        compiler("x86_64")
    assert "did you mean 'x86-64'" in caught.value.hint


@pytest.mark.parametrize(("target", "cpu"), [("aarch64", "cortex-a72"), ("armv7", "cortex-a7"), ("x86-64", "haswell"),
                                             ("riscv64", "sifive-u74")])
def test_a_cpu_of_a_target(target: str, cpu: str, monkeypatch) -> None:
    monkeypatch.setattr("shutil.which", lambda program: program)
    found = compiler(with_cpu(target, cpu))
    assert (found.name, found.target["mcpu"], found.program) == (f"{target}:{cpu}", cpu, CROSS[target].program)
    assert {**found.target, "mcpu": ""} == {**CROSS[target].target, "mcpu": ""}
    tvm.target.Target(found.target)


def test_an_unknown_cpu_names_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        check_target("aarch64:cortex-72")
    assert caught.value.message == "'cortex-72' is no CPU of target 'aarch64' that LLVM knows"
    assert "'cortex-a72'" in caught.value.hint
    with pytest.raises(UsageError, match="'' is no CPU") as caught:
        check_target("aarch64:")
    assert "--cpu" in caught.value.hint


@pytest.mark.parametrize(("target", "cpu", "lacking"), [
    ("armv7", "cortex-m4", "aclass, neon"), ("armv7", "arm9", "v7, aclass, neon"), ("x86-64", "i386", "64bit"),
    ("riscv64", "rocket-rv32", "64bit, m, a, f, d, c"), ("riscv64", "sifive-s51", "f, d"),
])
def test_a_cpu_that_cannot_run_such_programs_is_refused(target: str, cpu: str, lacking: str) -> None:
    """LLVM ends the process when it is asked for such code."""
    with pytest.raises(UsageError) as caught:
        check_target(f"{target}:{cpu}")
    assert caught.value.message.endswith(f"it lacks what LLVM calls {lacking}")


def test_a_cpu_needs_its_target() -> None:
    with pytest.raises(UsageError, match="'cortex-a72' was given without the target"):
        with_cpu("host", "cortex-a72")
    with pytest.raises(UsageError, match="'host:skylake' is no known target"):
        check_target("host:skylake")
    assert with_cpu("host", None) == "host"


def test_a_cpu_needs_tvm(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "tvm.target", None)
    with pytest.raises(UsageError) as caught:
        check_target("aarch64:cortex-a72")
    assert caught.value.hint == 'pip install "edgenas[tvm]"'
