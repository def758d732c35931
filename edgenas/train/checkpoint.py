"""Checkpoints of epoch loops: what an interrupted run needs to go on exactly as if it had not been."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch

from edgenas.errors import CheckpointError
from edgenas.files import open_bounded, replacing
from edgenas.text import one_line

LIMIT = 64 << 30
"""Bytes of a file of weights or of a checkpoint."""
ANEW = "start the run anew in another folder"


class Stateful(Protocol):
    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: dict[str, Any]) -> Any: ...


@dataclass
class Checkpoint:
    """The state of `parts` after `epochs` epochs, with a `history` of one row of figures each. columns: numbers that
    every row of a checkpoint must have."""

    path: Path
    parts: Mapping[str, Stateful]
    columns: Sequence[str] = ()
    history: list[dict[str, Any]] = field(default_factory=list)

    @property
    def epochs(self) -> int:
        return len(self.history)

    def save(self, row: dict[str, Any]) -> None:
        """Add an epoch's figures and write everything, atomically.

        Raises: StorageError when the disk is full.
        """
        self.history.append(row)
        state = {name: part.state_dict() for name, part in self.parts.items()}
        content = io.BytesIO()  # on a full disk torch.save to a path raises no OSError
        torch.save({"parts": state, "history": self.history}, content)
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
            self.history = rows(saved["history"], self.columns)
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


def rows(history: Any, columns: Sequence[str]) -> list[dict[str, Any]]:
    """Raises: ValueError unless it is a list of rows that have a number in each of the columns."""
    if not isinstance(history, list) or not all(isinstance(row, dict) for row in history):
        raise ValueError("its history is no list of rows")
    for number, row in enumerate(history):
        for column in columns:
            if not isinstance(row.get(column), int | float):
                raise ValueError(f"row {number} of its history has no number {column!r}")
    return history


def epoch_generator(seed: int, epoch: int, purpose: str) -> torch.Generator:
    """A generator that depends on nothing but its arguments, so that a resumed run draws what it would have drawn."""
    digest = hashlib.sha256(f"{seed}/{epoch}/{purpose}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
