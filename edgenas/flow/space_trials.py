"""Which of several spaces suits the budgets: random networks of each are trained for a little while, and compared.

What a search can find is bounded by its space. Spaces are compared as by Radosavovic, Kosaraju, Girshick, He and
Dollár (Designing Network Design Spaces, CVPR 2020, arXiv:2003.13678): by random networks of each, trained for few
epochs. As in MCUNet (Lin, Chen, Lin, Cohn, Gan, Han; NeurIPS 2020, arXiv:2007.10319), all networks hold the budgets.
Where we differ: the networks also use the first budget well; a space's figure is the mean training loss of its networks
in the last epoch (see trial.py), not the distribution of their errors; the better half of the spaces goes on for twice
as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import fmean

import torch

from edgenas.cost.exact import exact_model
from edgenas.errors import BudgetError
from edgenas.flow.records.result import SpaceNetwork, SpaceRow, Spaces
from edgenas.flow.search import prepare
from edgenas.flow.selection import trials_of
from edgenas.flow.work import Work
from edgenas.progress import Progress
from edgenas.search.decode import Scores, even
from edgenas.selection.limits import well_used
from edgenas.selection.sampling import sample
from edgenas.selection.trials import Trials, fastest, finite
from edgenas.space import Architecture
from edgenas.train.checkpoint import epoch_generator


@dataclass
class Tried:
    """A space: its options as they are tried, and work on the run that is its own. refused: why no network of it holds
    the budgets. losses: after a number of epochs, of each network."""

    options: tuple[str, ...]
    work: Work
    refused: str | None = None
    networks: list[Architecture] = field(default_factory=list)
    losses: dict[int, list[float]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return ", ".join(self.options)

    def trials(self, progress: Progress) -> Trials:
        return trials_of(self.work, self.work.run.folder / "spaces", progress)

    @cached_property
    def macs(self) -> list[float]:
        """Of each network."""
        model = exact_model(self.work.space, "macs")
        return [model.predict(a) for a in self.networks]

    def row(self) -> SpaceRow:
        networks = tuple(SpaceNetwork(
            architecture=dict(a), macs=self.macs[i],
            predicted={m: model.predict(a) for m, model in self.work.models.items()},
            trial_losses={epochs: finite(row[i]) for epochs, row in self.losses.items()})
            for i, a in enumerate(self.networks))
        return SpaceRow(options=self.options, run=str(self.work.run.folder), refused=self.refused, networks=networks,
                        losses={epochs: finite(fmean(row)) for epochs, row in self.losses.items()})


def compare(spaces: Sequence[Tried], progress: Progress) -> Spaces:
    """Draw networks of each space and train them a little; what `spaces.json` keeps."""
    for space in spaces:
        try:
            prepare(space.work, progress)
        except BudgetError as error:
            space.refused = error.message
            progress.say(f"{space.name}: {error.message}")
        else:
            generator = epoch_generator(space.work.run.config.seed, 0, "spaces")
            space.networks = drawn(space.work, space.work.run.config.search.space_networks, generator)
    held = {space.options: space for space in spaces if space.networks}
    if not held:
        raise BudgetError(f"no space holds the budgets: {spaces[-1].refused}", "raise the budget, or try others")
    config = spaces[0].work.run.config
    chosen = fastest(list(held), config.search, config.train,
                     lambda names, epochs: losses([held[name] for name in names], epochs, progress))
    return Spaces(chosen=chosen, spaces=tuple(space.row() for space in spaces))


def drawn(work: Work, count: int, generator: torch.Generator, scores: Scores | None = None) -> list[Architecture]:
    """Random networks that are predicted to hold the budgets and to use the first well; scores: what they are sampled
    by, evenly by default."""
    scores = even(work.space.choices) if scores is None else scores
    found = sample(scores, well_used(scores, work.models, work.budgets), count + 1, generator)
    return found[1:] or found  # the first is the integer program's own, without noise


def losses(spaces: Sequence[Tried], epochs: int, progress: Progress) -> dict[tuple[str, ...], float]:
    """The mean training loss of each space's networks in epoch number `epochs`."""
    progress.start("try spaces", sum(len(space.networks) for space in spaces) * epochs)
    for space in spaces:
        space.losses[epochs] = [space.trials(progress).loss(space.work.space, a, epochs) for a in space.networks]
    for space in spaces:
        progress.say(f"{space.name}: training loss {fmean(space.losses[epochs]):.3f} in epoch {epochs}, the mean of "
                     f"{len(space.networks)} drawn at random, of {fmean(space.macs) / 1e6:.3g} MMACs on average")
    return {space.options: fmean(space.losses[epochs]) for space in spaces}

