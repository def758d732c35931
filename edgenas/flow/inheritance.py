"""A run's strategy, and whether the found network's training starts from the weights of its supernet."""

from __future__ import annotations

from edgenas.flow.run import Run
from edgenas.search.strategy import Strategy, load_strategy
from edgenas.space.load import grows


def strategy_of(run: Run) -> Strategy:
    """Raises: TrustError for a strategy that is a stranger's code."""
    if ":" in run.config.strategy:
        run.check_trust()
    return load_strategy(run.config.strategy, run.config.strategy_options)


def supernet_fits(run: Run) -> bool:
    """Whether the search trains weights that fit the found network, as far as the request alone tells.

    Raises: TrustError where that takes the code of a stranger's space or strategy.
    """
    c = run.config
    if c.build_options and ":" in c.space:
        run.check_trust()
    strategy = strategy_of(run)
    return strategy.trains_supernet and strategy.inherits and not grows(c.space, c.space_options, c.build_options)


def inherits(run: Run) -> bool:
    """Whether the found network's training starts from the supernet's weights."""
    return run.config.inherit and supernet_fits(run)
