"""Packages of edgenas that are functions of its interface too: `edgenas.measure(…)`, `edgenas.export(…)`.

A package's name is bound in `edgenas` as soon as anything in it is imported, so that a function of that name would be
hidden; Python lets a module have a class of its own instead (data model, "Customizing module attribute access").
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any


def make_callable(package: str, module: str, name: str) -> None:
    """Calling `package` calls the function `name` of `module`, which is imported when that is done."""

    class Callable(ModuleType):
        def __call__(self, *arguments: Any, **options: Any) -> Any:
            return getattr(importlib.import_module(module), name)(*arguments, **options)

    sys.modules[package].__class__ = Callable
