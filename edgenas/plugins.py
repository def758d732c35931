"""Families whose members are found by file name: a new member is a new file, with no list to edit."""

from __future__ import annotations

import importlib
import importlib.resources
from pathlib import PurePath
from types import ModuleType

from edgenas.errors import unknown


def names(package: str, prefix: str = "", suffix: str = ".py") -> list[str]:
    """Names of the files `<prefix><name><suffix>` in an importable `package`, sorted."""
    files = (PurePath(entry.name).name for entry in importlib.resources.files(package).iterdir())
    stems = [f.removeprefix(prefix).removesuffix(suffix) for f in files
             if f.startswith(prefix) and f.endswith(suffix)]
    return sorted(stem for stem in stems if not stem.startswith("_"))


def load(package: str, name: str, what: str, prefix: str = "") -> ModuleType:
    """Import member `name` of a family.

    Raises: UsageError naming the nearest member if there is no such file.
    """
    known = names(package, prefix)
    if name not in known:
        raise unknown(what, name, known)
    return importlib.import_module(f"{package}.{prefix}{name}")
