from __future__ import annotations

import numpy as np
import pytest

from edgenas.cost.accuracy import accuracy

MEASURED = np.array([1.0, 2.0, 4.0, 8.0])


def test_figures_of_known_errors() -> None:
    found = accuracy(MEASURED * [1.04, 0.93, 1.15, 1.5], MEASURED)
    assert found.count == 4
    assert found.mape == pytest.approx((0.04 + 0.07 + 0.15 + 0.5) / 4)
    assert found.median_ape == pytest.approx(0.11)
    assert (found.within_5, found.within_10, found.within_20) == (0.25, 0.5, 0.75)
    assert (found.spearman, found.kendall) == pytest.approx((1.0, 1.0))
    assert found.coverage is None


def test_ranks() -> None:
    found = accuracy(np.array([1.0, 3.0, 2.0, 4.0]), MEASURED)
    assert found.spearman == pytest.approx(0.8)
    assert found.kendall == pytest.approx(4 / 6)


def test_a_constant_ranks_nothing() -> None:
    found = accuracy(np.ones(4), MEASURED)
    assert (found.spearman, found.kendall) == (0.0, 0.0)


def test_coverage_is_the_share_inside_ends_included() -> None:
    found = accuracy(MEASURED, MEASURED, MEASURED * [1.0, 0.9, 1.1, 0.5], MEASURED * [1.0, 0.95, 2.0, 1.0])
    assert found.coverage == 0.5
