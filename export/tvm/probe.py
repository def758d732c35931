"""Every value that a TVM library computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgenas.export.extras import import_extra


def values(path: Path, image: NDArray[Any]) -> list[NDArray[Any]]:
    """The float values of all compiled functions for an image (1, ...), in the order in which they run.

    A function's last argument is where it puts its result.
    """
    tvm, relax = import_extra("tvm", "tvm"), import_extra("tvm.relax", "tvm")
    found: list[NDArray[Any]] = []

    def after(function: Any, name: str, before: bool, result: Any, *given: Any) -> None:
        made: Any = result if hasattr(result, "numpy") else given[-1] if given else None
        if not before and not name.startswith("vm.builtin.alloc") and hasattr(made, "numpy"):
            value = made.numpy()
            if np.issubdtype(value.dtype, np.floating):
                found.append(np.array(value))

    machine = relax.VirtualMachine(tvm.runtime.load_module(str(path.absolute())), tvm.cpu())
    machine.set_instrument(after)
    machine["main"](tvm.runtime.tensor(np.ascontiguousarray(image)))
    return found
