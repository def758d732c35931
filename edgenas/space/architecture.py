"""An architecture: a plain value that says which candidate each choice takes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from edgenas.errors import FileError, RunError
from edgenas.files import JSON_LIMIT, parse_json, read_bounded, write_json


class Architecture(Mapping[str, str]):
    """Choice name -> candidate name. Immutable, hashable, printable, JSON."""

    __slots__ = ("_picks",)

    def __init__(self, picks: Mapping[str, str]) -> None:
        self._picks = dict(picks)

    def __getitem__(self, choice: str) -> str:
        return self._picks[choice]

    def __iter__(self) -> Iterator[str]:
        return iter(self._picks)

    def __len__(self) -> int:
        return len(self._picks)

    def __hash__(self) -> int:
        return hash(frozenset(self._picks.items()))

    def __repr__(self) -> str:
        return f"Architecture({self._picks})"

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits that name this architecture."""
        text = json.dumps(self._picks, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def save(self, path: Path) -> None:
        write_json(path, self._picks)

    @classmethod
    def load(cls, path: Path) -> Architecture:
        """Read what `save` wrote.

        Raises: RunError when the file is missing or is not a JSON object of strings.
        """
        try:
            picks = parse_json(read_bounded(path, JSON_LIMIT))
        except (FileError, ValueError) as error:
            raise RunError(f"{path} is no readable architecture: {error}", "run the search again") from error
        if not isinstance(picks, dict) or not all(isinstance(v, str) for v in picks.values()):
            raise RunError(f'{path} is no architecture: it must read {{"choice": "candidate", …}}')
        return cls(picks)
