"""PyTorch modules as files for a device's runtime. Each file in `formats` is one format, found by its name.

The package can be called: `edgenas.export(network, example, "net.onnx")` is `edgenas.api.network.export`.

Importing this package imports neither torch nor any exporter: those come with the format asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgenas import plugins
from edgenas.callable import make_callable

if TYPE_CHECKING:
    from .base import Exporter


FAMILY = "edgenas.export.exporters"


def formats() -> list[str]:
    """Names of the formats that a module can be exported to, sorted."""
    return plugins.names(FAMILY)


def exporter(format: str) -> Exporter:
    """The exporter of a format: the `EXPORTER` of its file. A name may have dashes for its underscores.

    Raises: UsageError naming the nearest format when there is none of this name.
    """
    found: Exporter = plugins.load(FAMILY, format.replace("-", "_"), "export format").EXPORTER
    return found


make_callable(__name__, "edgenas.api.network", "export")
