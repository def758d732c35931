"""What a search learned, and what was tried of it."""

from __future__ import annotations

from typing import ClassVar

from edgenas.record import Kept
from edgenas.search.history import SearchEpoch
from edgenas.selection.tried import TriedNetwork


class Search(Kept):
    """search.json; no history where the strategy trains no supernet. scores: by choice and candidate."""

    FILE: ClassVar[str] = "search.json"

    history: tuple[SearchEpoch, ...]
    scores: dict[str, dict[str, float]] = {}
    tried: tuple[TriedNetwork, ...] = ()
