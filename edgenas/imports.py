"""Functions that a user names as `module:function` or `file.py:function`."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from edgenas.errors import UsageError, unknown


def import_function(name: str, option: str) -> Callable[..., Any]:
    """The function that `name` says; the current folder is importable. Runs the user's own code.

    Raises: UsageError, naming the command-line `option`, when there is no such module or function.
    """
    source, colon, function = name.rpartition(":")
    if not colon:
        raise UsageError(f"{name!r} names no function", f"give {option} MODULE:FUNCTION or {option} FILE.py:FUNCTION")
    module = _import_file(Path(source), option) if source.endswith(".py") else _import_name(source, option)
    found = getattr(module, function, None)
    if not callable(found):
        raise unknown(f"function of {source}", function, (k for k, v in vars(module).items() if callable(v)))
    result: Callable[..., Any] = found
    return result


def _import_file(path: Path, option: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"{path.stem}.py", path)  # a name that hides no module
    if not path.is_file() or spec is None or spec.loader is None:
        raise UsageError(f"there is no Python file {path}", f"give {option} FILE.py:FUNCTION")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except ImportError as error:
        raise UsageError(f"cannot import {str(path)!r}: {error}", f"give {option} FILE.py:FUNCTION") from error
    return module


def _import_name(name: str, option: str) -> ModuleType:
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UsageError(f"cannot import {name!r}: {error}", f"give {option} MODULE:FUNCTION") from error
