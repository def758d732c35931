from __future__ import annotations

import pytest
import torch

from edgenas.cost.model import networks
from edgenas.space import Space
from edgenas.space.spaces.ofa import network, rounded

SPACE = Space("ofa", network, (3, 224, 224), 1000)


def test_five_stages_of_two_to_four_blocks_of_nine_kinds() -> None:
    assert len(SPACE.choices) == 20
    for name, candidates in SPACE.choices.items():
        assert len(candidates) == 9 + (int(name[-1]) > 2) and ("skip" in candidates) == (int(name[-1]) > 2)


def test_squeeze_excite_and_activations_are_by_stage() -> None:
    found = {place.split(".")[0]: n.signature for (place, c), n in networks(SPACE).items() if n and c == "mbconv_k5_e4"}
    assert {stage: "hardsigmoid" in text for stage, text in found.items()} == {
        "stage1": False, "stage2": True, "stage3": False, "stage4": True, "stage5": True}
    assert ["hardswish" in found[f"stage{i}"] for i in range(1, 6)] == [False, False, True, True, True]


@pytest.mark.parametrize(("channels", "expected"), [(72, 72), (36, 40), (18, 24), (3, 8), (102, 104), (99, 96)])
def test_channels_are_rounded_to_multiples_of_8(channels: float, expected: int) -> None:
    assert rounded(channels) == expected


def test_it_runs_on_small_images_too() -> None:
    small = Space("ofa", network, (1, 32, 32), 3)
    net = small.build(small.random(torch.Generator().manual_seed(0))).eval()
    assert net(torch.zeros(2, 1, 32, 32)).shape == (2, 3)
