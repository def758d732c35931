"""The base of all strategies, and where they are found."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn

from edgenas import options as opts
from edgenas import plugins
from edgenas.search.decode import Constraint, Scores
from edgenas.search.state import Batch, SearchState
from edgenas.space.architecture import Architecture
from edgenas.space.space import Space

FAMILY = "edgenas.search.strategies"


@dataclass(frozen=True)
class Strategy(ABC):
    """How the supernet's choices are relaxed and trained. Fields are its options (`--set NAME=VALUE`).

    architecture_travel: how far Adam can move a logit over the whole search. Divided by the number of steps it is the
    learning rate: the papers' own (3e-4 to 1e-3) at the papers' lengths, and neither idle nor hasty at shorter ones.
    architecture_share: part of the training data kept for architecture steps alone.

    A strategy file defines one subclass, named in the file as STRATEGY.
    """

    summary: ClassVar[str]
    paper: ClassVar[str]
    trains_supernet: ClassVar[bool] = True
    tries: ClassVar[bool] = True  # whether architectures are tried before one is taken
    ranks: ClassVar[bool] = True  # whether they are ranked before some are trained; else trials alone decide
    inherits: ClassVar[bool] = True  # whether the supernet's weights are of use to the networks that are built
    own_only: ClassVar[bool] = False  # whether it is for spaces that are a trained network (`--from`), and no others
    momentum: ClassVar[float] = 0.5  # of the architecture's Adam

    architecture_travel: Annotated[float, Gt(0)] = 6.0
    architecture_share: Annotated[float, Ge(0), Lt(1)] = 0.0

    @abstractmethod
    def step(self, state: SearchState, batch: Batch, held: Batch | None, progress: float) -> dict[str, float]:
        """Learn from one batch of training data; `held` is one of the part set aside for the architecture.

        progress: from 0 to 1 over the search, or over its stage. Returns figures for the log, averaged over the epoch.
        """

    def more(self, space: Space) -> nn.Module | None:
        """What is learned or remembered besides one logit per candidate; kept as `parameters.more` of the state."""
        return None

    def stages(self, epochs: int) -> int:
        """Into how many stages the search's epochs are divided. Each trains a supernet of its own from the start."""
        return 1

    def staged(self, space: Space, stage: int, stages: int) -> Space:
        """The space of the supernet of a stage; it has the same choices."""
        return space

    def dropped(self, state: SearchState) -> Tensor:
        """After a stage that is not the last, (choices, candidates) bool: those that the next leaves out."""
        return ~state.parameters.mask

    def passes(self, supernet: nn.Module, progress: float) -> AbstractContextManager[None]:
        """How the supernet's forward passes differ from a plain network's; sampled networks are tried with its weights
        in the same way."""
        return nullcontext()

    def link(self, values: Tensor) -> Tensor:
        """The architecture's learned values as logits; by default they are the logits."""
        return values

    def proposed(self, space: Space, constraints: Sequence[Constraint]) -> list[Architecture]:
        """Architectures that are tried besides those sampled from the scores."""
        return []

    def scores(self, state: SearchState) -> Scores:
        """Candidates' scores for decoding; by default their log-probabilities."""
        return state.parameters.scores()


def strategy_names() -> list[str]:
    return plugins.names(FAMILY)


def general_names() -> list[str]:
    """Those of strategies for any space."""
    return [name for name in strategy_names() if not strategy_class(name).own_only]


def strategy_class(name: str) -> type[Strategy]:
    """The class of the strategy of that name, or of the user's own, named as FILE.py:NAME or MODULE:NAME.

    Raises: UsageError naming the nearest strategy; UserCodeError for the user's code that fails.
    """
    if ":" in name:
        return plugins.users_subclass(name, "--strategy", "strategy", Strategy)  # type: ignore[type-abstract]
    return plugins.subclass(FAMILY, name, "strategy", "STRATEGY", Strategy)  # type: ignore[type-abstract]


def load_strategy(name: str, options: Mapping[str, str] | None = None) -> Strategy:
    """The strategy `name` with its options set from texts, e.g. {"temperature.start": "5"}.

    Raises: UsageError for an unknown strategy or option, or a refused value.
    """
    return opts.settings(strategy_class(name), options or {}, f"strategy {name!r}")
