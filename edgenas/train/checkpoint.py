"""Checkpoints of epoch loops: what an interrupted run needs to go on exactly as if it had not been."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch
from pydantic import ValidationError

from edgenas.errors import CheckpointError
from edgenas.files import open_bounded, replacing
from edgenas.record import Json, Record
from edgenas.text import one_line

LIMIT = 64 << 30
"""Bytes of a file of weights or of a checkpoint."""
ANEW = "start the run anew in another folder"
Row = TypeVar("Row", bound=Record)


class Stateful(Protocol):
    """A part of the state; its values are tensors and its own, as torch.nn.Module has it."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: dict[str, Any]) -> Any: ...


@dataclass
class Checkpoint(Generic[Row]):
    """The state of `parts` after `epochs` epochs, with a `history` of one row of figures each, which are of a `kind`.
    """

    path: Path
    parts: Mapping[str, Stateful]
    kind: type[Row]
    history: list[Row] = field(default_factory=list)

    @property
    def epochs(self) -> int:
        return len(self.history)

    def save(self, row: Row) -> None:
        """Add an epoch's figures and write everything, atomically.

        Raises: StorageError when the disk is full.
        """
        self.history.append(row)
        state = {name: part.state_dict() for name, part in self.parts.items()}
        content = io.BytesIO()  # on a full disk torch.save to a path raises no OSError
        torch.save({"parts": state, "history": [row.to_json() for row in self.history]}, content)
        with replacing(self.path) as scratch:
            scratch.write_bytes(content.getbuffer())

    def restore(self) -> None:
        """Go back to the last saved epoch; does nothing if none was.

        Raises: CheckpointError when the file is none that `save` wrote, is damaged, or is of another network.
        """
        if not os.path.lexists(self.path):
            return
        refuse_link(self.path)
        try:
            with open_bounded(self.path, LIMIT) as stream:
                saved = torch.load(stream, weights_only=True, map_location="cpu")
            for name, part in self.parts.items():
                part.load_state_dict(saved["parts"][name])
            self.history = rows(saved["history"], self.kind)
        except MemoryError:
            raise
        except Exception as error:  # PyTorch's reader and every part's own: whatever they raise, the file is to blame
            raise CheckpointError(f"the checkpoint {self.path} does not fit: {one_line(str(error), 400)}",
                                  ANEW) from error


def refuse_link(path: Path) -> None:
    """Raises: CheckpointError for a link: weights and checkpoints are written as files, and what a stranger's link
    leads to is nothing to load."""
    if path.is_symlink():
        raise CheckpointError(f"{path} is a link, not a file that edgenas wrote", "put the file itself there")


def rows(history: object, kind: type[Row]) -> list[Row]:
    """Raises: ValueError unless it is a list of rows that have the figures of their kind."""
    if not isinstance(history, list) or not all(isinstance(row, dict) for row in history):
        raise ValueError("its history is no list of rows")
    return [_row(number, row, kind) for number, row in enumerate(history)]


def _row(number: int, row: Json, kind: type[Row]) -> Row:
    try:
        return kind.from_json(row)
    except ValidationError as error:
        name = ".".join(map(str, error.errors()[0]["loc"]))
        raise ValueError(f"row {number} of its history has no number {name!r}") from error


def epoch_generator(seed: int, epoch: int, purpose: str) -> torch.Generator:
    """A generator that depends on nothing but its arguments, so that a resumed run draws what it would have drawn."""
    digest = hashlib.sha256(f"{seed}/{epoch}/{purpose}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
