"""Whether searches by several seeds learned the same: what they do not share is chance.

The correlation between the scores of a search's repetitions is the reliability of what it measures, as in test theory
(Spearman, American Journal of Psychology 15, 1904): 1 where chance plays no part, 0 where nothing else does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from edgenas.search.decode import Scores


def score_correlation(searches: Sequence[Scores]) -> float | None:
    """The mean over all pairs of searches of one space of Pearson's correlation between their candidates'
    probabilities, each above or below its choice's mean; None of fewer than two searches, or where one of them has
    no preference."""
    if len(searches) < 2:
        return None
    names = {choice: sorted({name for each in searches for name in each[choice]}) for choice in searches[0]}
    rows = [_preferences(scores, names) for scores in searches]
    if any(np.ptp(row) == 0 for row in rows):
        return None
    return fmean(float(np.corrcoef(one, other)[0, 1]) for one, other in combinations(rows, 2))


def _preferences(scores: Scores, names: Mapping[str, Sequence[str]]) -> NDArray[np.float64]:
    """In the order of `names`; a candidate that this search dropped has no probability."""
    rows = [softmax([scores[choice].get(name, -np.inf) for name in each]) for choice, each in names.items()]
    return np.concatenate([row - row.mean() for row in rows])
