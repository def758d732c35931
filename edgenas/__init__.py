"""Data, a device and a budget in; a trained network out, exported for that device, measured within its budget on it.

Everything in `__all__` is imported when it is first used: `import edgenas` takes milliseconds and needs no PyTorch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_MODULES = {
    "Budget": "edgenas.cost.budget", "Choice": "edgenas.space", "Device": "edgenas.measure.device",
    "Figure": "edgenas.figure", "Run": "edgenas.api.run", "Space": "edgenas.space",
    "Strategy": "edgenas.search.strategy", "predict": "edgenas.api.network", "profile": "edgenas.api.device",
    "frontier": "edgenas.api.frontier", "specialise": "edgenas.api.run",
}
__all__ = ["Budget", "Choice", "Device", "Figure", "Run", "Space", "Strategy", "__version__", "errors", "export",
           "frontier", "measure", "predict", "profile", "specialise"]

if TYPE_CHECKING:
    from edgenas import errors as errors
    from edgenas.api.device import measure as measure
    from edgenas.api.device import profile as profile
    from edgenas.api.frontier import frontier as frontier
    from edgenas.api.network import export as export
    from edgenas.api.network import predict as predict
    from edgenas.api.run import Run as Run
    from edgenas.api.run import specialise as specialise
    from edgenas.cost.budget import Budget as Budget
    from edgenas.figure import Figure as Figure
    from edgenas.measure.device import Device as Device
    from edgenas.search.strategy import Strategy as Strategy
    from edgenas.space import Choice as Choice
    from edgenas.space import Space as Space


def __getattr__(name: str) -> Any:
    if name in ("errors", "export", "measure"):  # modules; the last two can be called
        return importlib.import_module(f"edgenas.{name}")
    if name not in _MODULES:
        raise AttributeError(f"module 'edgenas' has no attribute {name!r}")
    found = globals()[name] = getattr(importlib.import_module(_MODULES[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
