from __future__ import annotations

import pytest

from edgenas.train.schedule import Exponential, Linear, cosine


def test_exponential_goes_from_start_to_end_by_equal_ratios() -> None:
    schedule = Exponential(start=5.0, end=0.2)
    values = [schedule.at(i / 4) for i in range(5)]
    assert (values[0], values[-1]) == pytest.approx((5.0, 0.2))
    assert [b / a for a, b in zip(values, values[1:], strict=False)] == pytest.approx([values[1] / values[0]] * 4)


def test_linear_goes_from_start_to_end_by_equal_differences() -> None:
    assert [Linear(start=10.0, end=0.1).at(p) for p in (0, 0.5, 1)] == pytest.approx([10.0, 5.05, 0.1])


def test_cosine_falls_from_one_to_nought() -> None:
    assert [cosine(p) for p in (0, 0.5, 1)] == pytest.approx([1.0, 0.5, 0.0])
    assert cosine(0.25) == pytest.approx(0.853553, abs=1e-6)
