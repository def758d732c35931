from __future__ import annotations

import pytest

from edgenas.errors import UsageError
from edgenas.space import space_names
from edgenas.space.listing import listing, parse_shape


def test_every_space_tells_how_many_architectures_it_has() -> None:
    found = {space.name: space.to_json() for space in listing("1x28x28", 10)}
    assert list(found) == space_names()
    assert all(space["summary"] and space["size"] > 1 for space in found.values())
    assert found["nasbench201"]["size"] == 5 ** 6


def test_a_shape() -> None:
    assert parse_shape("3x32x28") == (3, 32, 28)


@pytest.mark.parametrize("text", ["", "32", "32x32", "3x3x3", "0x8x8", "-1x8x8", "3x32x32x1", "axbxc", "3 x 8 x 8"])
def test_no_shape(text: str) -> None:
    with pytest.raises(UsageError, match="is no image shape"):
        parse_shape(text)
