from __future__ import annotations

import numpy as np
import pytest
from torch import nn

from edgenas.cost.kernels.features import FEATURES, KINDS, features, kind_of, kinds_of, table
from edgenas.cost.model import networks
from edgenas.cost.network import Network, trace
from edgenas.space.operators import ConvBN, MBConv

from ..nets import mobile


def named(network: Network) -> dict[str, float]:
    return dict(zip(FEATURES, features(network).tolist(), strict=True))


@pytest.mark.parametrize(("module", "kind"), [
    (nn.Conv2d(8, 16, 1), "pointwise"), (nn.Conv2d(8, 16, 3), "conv3"), (nn.Conv2d(8, 16, 2), "conv3"),
    (nn.Conv2d(8, 16, 4), "conv5"), (nn.Conv2d(8, 16, (1, 7), padding=(0, 3)), "conv7"),
    (nn.Conv2d(8, 8, 11, padding=5), "conv7"), (nn.Conv2d(8, 8, 3, groups=8), "depthwise3"),
    (nn.Conv2d(8, 16, 5, padding="same", groups=8), "depthwise5"),
    (nn.Conv2d(8, 8, 7, padding=3, groups=8), "depthwise7"),
    (nn.Conv2d(8, 8, 3, groups=2), "conv3"), (nn.Conv2d(8, 8, 1, groups=2), "conv3"),
    (nn.AvgPool2d(2), "pool"), (nn.AdaptiveAvgPool2d(1), "pool"), (nn.Linear(8, 4), "linear"), (nn.ReLU(), "other"),
])
def test_operators_are_told_apart_as_kernels_are(module: nn.Module, kind: str) -> None:
    (operator,) = trace(module, (8, 8, 8)).operators
    assert kind_of(operator) == kind


def test_a_block_is_counted_by_kind() -> None:
    found = named(trace(MBConv(8, 16, 5, 3, stride=2, activation="hardswish"), (8, 16, 16)))
    assert found["pointwise macs"] == 8 * 24 * 256 + 24 * 16 * 64
    assert found["depthwise5 macs"] == 24 * 25 * 64
    assert (found["depthwise5 read"], found["depthwise5 written"]) == (24 * 256, 24 * 64)
    assert (found["pointwise count"], found["depthwise5 count"], found["depthwise3 count"]) == (2, 1, 0)
    assert found["strided read"] == 24 * 256
    assert found["smooth activations"] == 24 * 256 + 24 * 64
    assert found["log side"] == np.log1p(16)
    assert found["log channels"] == np.log1p(24)


def test_the_sides_of_a_residual_are_both_read() -> None:
    found = named(trace(MBConv(8, 8, 3, 3, stride=1, activation="relu"), (8, 4, 4)))
    assert found["other read"] == 2 * 8 * 16
    assert found["smooth activations"] == 0


def test_all_features_are_finite_and_not_negative_and_tell_blocks_apart() -> None:
    blocks = {n.signature: n for n in networks(mobile()).values() if n is not None}
    rows = table(blocks.values())
    assert rows.shape == (len(blocks), len(FEATURES))
    assert np.isfinite(rows).all() and (rows >= 0).all()
    assert len(np.unique(rows, axis=0)) == len(blocks)
    assert table([]).shape == (0, len(FEATURES))


def test_counts_add_up_over_parts() -> None:
    parts = [trace(ConvBN(3, 8, 3), (3, 8, 8)), trace(ConvBN(8, 8, 5), (8, 8, 8))]
    whole = trace(nn.Sequential(ConvBN(3, 8, 3), ConvBN(8, 8, 5)), (3, 8, 8))
    plain = [i for i, name in enumerate(FEATURES) if not name.startswith("log ")]
    assert (features(whole)[plain] == table(parts).sum(axis=0)[plain]).all()
    assert kinds_of(whole) == {"conv3", "conv5"} <= set(KINDS)
