"""`import edgenas` is light, and all that it offers is there."""

from __future__ import annotations

import subprocess
import sys

import pytest

import edgenas


def test_importing_edgenas_imports_nothing_heavy() -> None:
    code = ("import sys, edgenas; dir(edgenas); edgenas.errors; edgenas.Figure\n"
            "print([n for n in ('torch', 'numpy', 'click', 'pydantic', 'rich') if n in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", edgenas.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert name in dir(edgenas)
    assert getattr(edgenas, name) is not None


def test_packages_that_are_functions_are_both() -> None:
    from edgenas.measure.device import Device

    assert Device is edgenas.Device
    assert callable(edgenas.measure) and callable(edgenas.export)
    with pytest.raises(edgenas.errors.UsageError, match="there is no file"):
        edgenas.measure("nothing.onnx")


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'specialize'"):
        _ = edgenas.specialize
