from __future__ import annotations

import numpy as np
from torch import nn

from edgenas.cost.kernels.coverage import Coverage, lacking
from edgenas.cost.network import Network, trace

CONV = nn.Conv2d(8, 8, 1)


def conv(side: int) -> Network:
    return trace(CONV, (8, side, side))


COVERAGE = Coverage.of([conv(4), conv(16)], [conv(8), conv(16)], np.array([1.0, 2.0]), np.array([100.0, 200.0]))


def doubts(network: Network, inside_ms: list[float], work_ms: float = 1.5, moved: float = 150.0) -> tuple[str, ...]:
    return COVERAGE.doubts(network, np.array(inside_ms), work_ms, moved)


def test_what_is_like_the_profile_raises_no_doubt_nor_what_lies_a_little_beyond() -> None:
    assert doubts(conv(16), [1.0]) == () == doubts(conv(16), [1.0], work_ms=2.1, moved=95.0)


def test_networks_outside_those_that_calibrate_are_told_apart() -> None:
    assert doubts(conv(16), [1.0], work_ms=2.3) == (
        "the network is larger than those that calibrate the profile: 2.3 ms of work, theirs 1 to 2",)
    assert "smaller" in doubts(conv(16), [1.0], moved=80.0)[0]


def test_operators_larger_than_any_or_of_no_whole_network_are_named_where_they_take_time() -> None:
    assert doubts(conv(17), [1.0]) == (
        "pointwise operators are larger than any that was profiled: at most 16,384 multiply-accumulates",)
    both = trace(nn.Sequential(CONV, nn.Conv2d(8, 8, 1)), (8, 17, 17))
    assert len(doubts(both, [1.0, 1.0])) == 1
    rows = trace(nn.Linear(8, 4), (5, 8))
    assert doubts(rows, [1.0]) == (
        "linear of rows operators were never profiled and are taken for pointwise ones of the same work",)


def test_families_are_lacking_because_nobody_measured_them_or_as_edgenas_cannot() -> None:
    assert lacking([]) == []
    assert lacking(["relu", "lstm", "einsum"]) == [
        "no operator of these families was ever profiled, and their time is missing: relu, einsum",
        "edgenas profiles no operators of these families, and their time is missing: lstm"]
