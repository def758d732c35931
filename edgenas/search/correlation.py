"""Whether searches by several seeds learned the same: what they do not share is chance.

The correlation between the scores of a search's repetitions is the reliability of what it measures, as in test theory
(Spearman, American Journal of Psychology 15, 1904): 1 where chance plays no part, 0 where nothing else does.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from edgenas.search.decode import Scores


def score_correlation(searches: Sequence[Scores]) -> float | None:
    """The mean over all pairs of searches of one space of Pearson's correlation between their candidates'
    probabilities, each above or below its choice's mean; None of fewer than two searches, or where one of them has
    no preference."""
    rows = [_preferences(scores, searches) for scores in searches]
    if len(rows) < 2 or any(np.ptp(row) == 0 for row in rows):
        return None
    return fmean(float(np.corrcoef(one, other)[0, 1]) for one, other in combinations(rows, 2))


def _preferences(scores: Scores, searches: Sequence[Scores]) -> NDArray[np.float64]:
    """In the same order for all; a candidate that this search dropped has no probability."""
    found = []
    for choice in searches[0]:
        names = sorted({name for each in searches for name in each[choice]})
        logits = np.array([scores[choice].get(name, -np.inf) for name in names])
        probabilities = np.exp(logits - logits.max())
        probabilities /= probabilities.sum()
        found.append(probabilities - probabilities.mean())
    return np.concatenate(found)
