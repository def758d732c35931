"""Checkpoints of epoch loops: what an interrupted run needs to go on exactly as if it had not been."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch

from edgenas.errors import RunError
from edgenas.files import replacing


class Stateful(Protocol):
    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: dict[str, Any]) -> Any: ...


@dataclass
class Checkpoint:
    """The state of `parts` after `epochs` epochs, with a `history` of one row of figures each."""

    path: Path
    parts: Mapping[str, Stateful]
    history: list[dict[str, Any]] = field(default_factory=list)

    @property
    def epochs(self) -> int:
        return len(self.history)

    def save(self, row: dict[str, Any]) -> None:
        """Add an epoch's figures and write everything, atomically."""
        self.history.append(row)
        state = {name: part.state_dict() for name, part in self.parts.items()}
        content = io.BytesIO()  # on a full disk torch.save to a path raises no OSError
        torch.save({"parts": state, "history": self.history}, content)
        with replacing(self.path) as scratch:
            scratch.write_bytes(content.getbuffer())

    def restore(self) -> None:
        """Go back to the last saved epoch; does nothing if none was.

        Raises: RunError when the file cannot be read or is of another network.
        """
        if not self.path.exists():
            return
        try:
            saved = torch.load(self.path, weights_only=True, map_location="cpu")
            for name, part in self.parts.items():
                part.load_state_dict(saved["parts"][name])
        except Exception as error:
            raise RunError(f"the checkpoint {self.path} does not fit: {' '.join(str(error).split())}",
                           "start the run anew in another folder") from error
        self.history = saved["history"]


def epoch_generator(seed: int, epoch: int, purpose: str) -> torch.Generator:
    """A generator that depends on nothing but its arguments, so that a resumed run draws what it would have drawn."""
    digest = hashlib.sha256(f"{seed}/{epoch}/{purpose}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
