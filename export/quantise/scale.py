"""How int8 values stand for real ones."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

LOW, HIGH = -128, 127


class Scale(BaseModel):
    """A real value is (q - zero_point) * scale."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scale: Annotated[float, Field(gt=0)]
    zero_point: Annotated[int, Field(ge=LOW, le=HIGH)]

    def quantise(self, values: NDArray[np.float32]) -> NDArray[np.int8]:
        """The nearest int8 values; what is beyond them is clipped."""
        found: NDArray[np.int8] = (np.rint(values / self.scale) + self.zero_point).clip(LOW, HIGH).astype(np.int8)
        return found

    def dequantise(self, values: NDArray[np.int8]) -> NDArray[np.float32]:
        return ((values.astype(np.int32) - self.zero_point) * self.scale).astype(np.float32)
