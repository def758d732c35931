"""Transports: how a device is reached, one file each."""

from __future__ import annotations

from edgenas import plugins

FAMILY = __name__


def transport_names() -> list[str]:
    return plugins.names(FAMILY)
