from __future__ import annotations

import pytest
import tvm

from edgenas.errors import ExportError, UsageError
from edgenas.export.tvm_target import CROSS, PACKAGES, compiler


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


def test_an_unknown_target_names_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        compiler("x86_64")
    assert "did you mean 'x86-64'" in caught.value.hint
