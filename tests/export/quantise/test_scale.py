from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from edgenas.export.quantise.scale import Scale


def test_every_int8_value_comes_back() -> None:
    scale, every = Scale(scale=0.37, zero_point=-11), np.arange(-128, 128, dtype=np.int8)
    assert (scale.quantise(scale.dequantise(every)) == every).all()
    assert scale.dequantise(np.int8([-11, -10])).tolist() == [0, np.float32(0.37)]


def test_what_is_beyond_is_clipped() -> None:
    assert Scale(scale=1, zero_point=100).quantise(np.float32([-1e9, 1e9, 28])).tolist() == [-128, 127, 127]


@pytest.mark.parametrize("wrong", [{"scale": 0}, {"scale": -1}, {"zero_point": 128}, {"zero_point": -129}])
def test_what_is_no_scale_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Scale(**({"scale": 1, "zero_point": 0} | wrong))
