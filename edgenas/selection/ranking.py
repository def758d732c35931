"""Which of several architectures is best by several figures at once.

The non-linear rank aggregation of AZ-NAS (Lee and Ham, CVPR 2024, arXiv:2403.19232, eq. 10): the sum over the figures
of the logarithm of an architecture's rank among the n that are compared, from 1 for the worst to n for the best. A low
rank by one figure costs more than a high rank by another makes good. Equals have the mean of their ranks.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.stats import rankdata

from edgenas.space.architecture import Architecture


def ranked(figures: Mapping[Architecture, Mapping[str, float]]) -> list[Architecture]:
    """The architectures, best first; of equals the first that is given. figures: of each the same; larger is better."""
    rows = list(figures.values())
    sums = np.zeros(len(rows))
    for name in rows[0] if rows else ():
        sums += np.log(rankdata([row[name] for row in rows]) / len(rows))
    architectures = list(figures)
    return [architectures[i] for i in np.argsort(-sums, kind="stable")]
