"""The image files that a program reads by itself."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Kind = Literal["JPEG", "PNG", "PPM", "PGM"]
Library = Literal["libjpeg", "libpng"]
PLAIN: tuple[Kind, ...] = ("PPM", "PGM")
"""What every program reads that prepares images itself."""
NAMES = {"PPM": "PPM (P6)", "PGM": "PGM (P5)"}


class Reads(BaseModel):
    """kinds: of image files. unread: a sentence on kinds that it does not read, and how it would; empty if there are
    none. needs: decoders that the program takes from the machine where it runs, as they are not inside it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kinds: tuple[Kind, ...] = PLAIN
    unread: str = ""
    needs: tuple[Library, ...] = ()

    @property
    def words(self) -> str:
        """E.g. `JPEG, PPM (P6) or PGM (P5)`."""
        *first, last = [NAMES.get(kind, kind) for kind in self.kinds]
        return f"{', '.join(first)} or {last}"

    @property
    def warning(self) -> str:
        """What is not as it could be; empty if nothing is."""
        shared = " and ".join(self.needs)
        needs = f"it needs the shared {shared} where it runs, as no static one was found here" if shared else ""
        return "; ".join(filter(None, (self.unread, needs)))
