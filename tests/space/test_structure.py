"""Which modules are taken to do the same."""

from __future__ import annotations

from torch import nn

from edgenas.space.operators import ConvBN, MBConv, Zero
from edgenas.space.structure import structure


def test_equal_modules_have_one_structure_whatever_their_weights() -> None:
    assert structure(MBConv(8, 8, 3, 3)) == structure(MBConv(8, 8, 3, 3))
    assert hash(structure(ConvBN(3, 8, 3))) == hash(structure(ConvBN(3, 8, 3)))
    assert structure(nn.ReLU().eval()) == structure(nn.ReLU())


def test_what_changes_the_computation_changes_the_structure() -> None:
    plain, other = MBConv(8, 8, 3, 3), MBConv(8, 8, 3, 3)
    other.residual = False  # no module, no tensor and no repr() shows it
    different = [plain, other, MBConv(8, 8, 5, 3), MBConv(8, 8, 3, 6), MBConv(8, 8, 3, 3, activation="relu"),
                 MBConv(8, 8, 3, 3, squeeze_excite=True), Zero(), Zero(2), nn.AvgPool2d(3, 1, 1),
                 nn.AvgPool2d(3, 1, 1, count_include_pad=False)]
    assert len({structure(module) for module in different}) == len(different)


def test_what_is_not_plain_is_the_same_only_as_the_same_object() -> None:
    one, two = nn.ReLU(), nn.ReLU()
    one.rule, two.rule = [1], [1]  # type: ignore[assignment]
    assert structure(one) != structure(two)
    two.rule = one.rule
    assert structure(one) == structure(two)
    two.register_forward_hook(lambda *_: None)
    assert structure(one) != structure(two)
