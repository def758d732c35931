"""A run's strategy, and whether the found network's training starts from the weights of its supernet."""

from __future__ import annotations

from edgenas.flow.config import RunConfig
from edgenas.flow.run import Run
from edgenas.search.strategy import Strategy, load_strategy
from edgenas.space.load import grows


def strategy_of(config: RunConfig) -> Strategy:
    return load_strategy(config.strategy, config.strategy_options)


def supernet_fits(run: Run) -> bool:
    """Whether the search trains weights that fit the found network, as far as the request alone tells.

    Raises: TrustError where that takes the code of a stranger's space.
    """
    c = run.config
    if c.build_options and ":" in c.space:
        run.check_trust()
    strategy = strategy_of(c)
    return strategy.trains_supernet and strategy.inherits and not grows(c.space, c.space_options, c.build_options)


def inherits(run: Run) -> bool:
    """Whether the found network's training starts from the supernet's weights."""
    return run.config.inherit and supernet_fits(run)
