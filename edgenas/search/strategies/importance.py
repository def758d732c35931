"""Importance: what a trained network is estimated to lose with each candidate; trains no supernet.

For a network of the user's own (`--from`): the rise of its loss without channels or blocks, by the Fisher information
of gates on them (space/traced/importance.py), takes seconds. The integer program then finds the sizes of least
estimated loss within the budgets; networks sampled around it, and two made by rule, go into trials from the weights
that they keep.

Theis, Korshunova, Tejani and Huszár, "Faster gaze prediction with dense networks and Fisher pruning",
arXiv:1801.05787. Where we differ: labels are drawn from the network, so that the figure is the Fisher information and
not the gradient's square; whole candidates are chosen at once by measured costs, not channels one after the other by
floating-point operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Gt

from edgenas.errors import UsageError
from edgenas.search.decode import Constraint, Scores
from edgenas.search.state import Batch, SearchState
from edgenas.search.strategy import Strategy
from edgenas.space.architecture import Architecture
from edgenas.space.choice import places_of
from edgenas.space.elastic import ABSENT
from edgenas.space.precision import MARK
from edgenas.space.space import Space


@dataclass(frozen=True)
class Importance(Strategy):
    """noise: of the scores when networks are sampled around the best, as a share of the mean rise from a choice's
    least important candidate to its most important one."""

    summary: ClassVar[str] = "what your trained network (--from) loses with each candidate; trains no supernet"
    paper: ClassVar[str] = "Theis et al., arXiv:1801.05787"
    trains_supernet: ClassVar[bool] = False
    ranks: ClassVar[bool] = False
    own_only: ClassVar[bool] = True

    noise: Annotated[float, Gt(0)] = 0.05

    def step(self, state: SearchState, batch: Batch, held: Batch | None, progress: float) -> dict[str, float]:
        return {}

    def scores(self, state: SearchState) -> Scores:
        """Less the rise of the loss, in units in which sampling's noise is `noise`.

        Raises: UsageError in a space that is no trained network.
        """
        rises = {choice: places[0].rises for choice, places in places_of(state.network).items()}
        if not any(rises.values()):
            raise UsageError("strategy 'importance' asks a trained network what it would lose, and this space is none",
                             "--from net.py:build --weights w.safetensors, or --strategy halving")
        spans = [max(row.values()) - min(row.values()) for row in rises.values() if row]
        unit = self.noise * sum(spans) / len(spans) or 1.0
        return {choice: {name: -rises[choice].get(name.removesuffix(MARK), 0.0) / unit
                         for name, allowed in zip(names, state.parameters.allowed[i].tolist(), strict=False) if allowed}
                for i, (choice, names) in enumerate(state.parameters.choices.items())}

    def proposed(self, space: Space, constraints: Sequence[Constraint]) -> list[Architecture]:
        """Of one share of all widths the largest that holds, with the residual blocks and without those that can go:
        the rules by which networks are cut by hand."""
        found = [next((a for share in range(16, 0, -1) if holds(a := uniform(space, share / 16, absent=absent),
                                                                constraints)), None) for absent in (True, False)]
        return [architecture for architecture in found if architecture is not None]


def uniform(space: Space, share: float, *, absent: bool) -> Architecture:
    """Every block at the size nearest to `share` of its first, or, where it can be and `absent` says so, absent."""
    return Architecture({choice: ABSENT if absent and ABSENT in names else nearest(names, share)
                         for choice, names in space.choices.items()})


def nearest(names: Sequence[str], share: float) -> str:
    sizes = {name: int(name[1:]) for name in names if name[1:].isdigit()}
    return min(sizes, key=lambda name: abs(sizes[name] - share * max(sizes.values()))) if sizes else names[0]


def holds(architecture: Architecture, constraints: Sequence[Constraint]) -> bool:
    return all(constraint.model.predict(architecture) <= constraint.limit for constraint in constraints)


STRATEGY = Importance
