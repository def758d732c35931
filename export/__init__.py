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
_own: dict[str, Exporter] = {}
"""By format, the user's own exporters that were named in this process."""


def formats() -> list[str]:
    """Names of the formats that a module can be exported to, sorted."""
    return plugins.names(FAMILY)


def exporter(format: str) -> Exporter:
    """The exporter of a format: the `EXPORTER` of its file, or the user's own that was named in this process. A name
    may have dashes for its underscores. No text makes it import a user's file: it may come out of a manifest.

    Raises: UsageError naming the nearest format when there is none of this name.
    """
    from .base import Exporter

    name = format.replace("-", "_")
    if name in _own:
        return _own[name]
    return plugins.instance(FAMILY, name, "export format", "EXPORTER", Exporter)  # type: ignore[type-abstract]


def exporter_named(text: str) -> Exporter:
    """The exporter that the user names, in a command or a call: by its format, or as FILE.py:NAME or MODULE:NAME, which
    is imported. From then on `exporter` knows it by its format.

    Raises: UsageError when there is no such exporter, or it calls itself as one of edgenas' own; UserCodeError for the
    user's code that fails.
    """
    from edgenas.errors import UsageError

    from .base import Exporter

    if ":" not in text:
        return exporter(text)
    found = plugins.users_instance(text, "--format", "exporter", Exporter)  # type: ignore[type-abstract]
    if found.format in formats():
        raise UsageError(f"the exporter {text} calls its format {found.format!r}, and there is one of that name",
                         "give it a format of another name")
    _own[found.format] = found
    return found


make_callable(__name__, "edgenas.api.network", "export")
