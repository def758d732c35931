"""Packages of the extras, imported when they are needed."""

from __future__ import annotations

import importlib
from typing import Any

from edgenas.errors import missing_extra


def import_extra(package: str, extra: str) -> Any:
    """Import a package of one of the extras.

    Raises: UsageError saying which extra to install.
    """
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        root = package.partition(".")[0]
        if (error.name or "").partition(".")[0] != root:
            raise
        raise missing_extra(root, extra) from error
