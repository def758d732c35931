"""Engine and transit places: one place of a choice mixes its candidates, the others follow what would be decoded."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from edgenas.search.relaxation import Paths, Relaxation
from edgenas.search.state import SearchState


@dataclass(frozen=True)
class Transit(Relaxation):
    """The last place of each choice mixes as `engine` says; the others take the derived candidate (choices,) alone."""

    engine: Relaxation
    derived: Tensor

    def sample(self, logits: Tensor, generator: torch.Generator) -> Paths:
        return replace(self.engine.sample(logits, generator), derived=self.derived)


def derived_now(state: SearchState) -> Tensor:
    """(choices,) indices of the candidates of the architecture that would be decoded now."""
    architecture = state.derived(state.parameters.scores())
    return torch.tensor([names.index(architecture[choice]) for choice, names in state.parameters.choices.items()])


@dataclass(frozen=True)
class SparseSoftmax(Relaxation):
    """softmax(logits) less `threshold` times the largest weight of the choice, cut off at 0, then normalised."""

    threshold: float

    def sample(self, logits: Tensor, generator: torch.Generator) -> Paths:
        dense = torch.softmax(logits, dim=1)
        sparse = torch.relu(dense - self.threshold * dense.amax(1, keepdim=True))
        return Paths(sparse / sparse.sum(1, keepdim=True), torch.arange(logits.shape[1]).expand(logits.shape))
