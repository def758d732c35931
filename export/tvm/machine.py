"""What a schedule has to know of a processor: its vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Machine:
    """lanes: float32 values in one vector, a power of two; registers: how many vectors it keeps at once.

    folds: whether an instruction that multiplies can take one value for all lanes from memory, so that no
    register is spent on it.
    """

    lanes: int
    registers: int
    folds: bool = False


SCALAR = Machine(4, 8)
"""No vectors: what is written for four lanes becomes four operations, on 32 registers."""

VECTORS = {  # by the feature that LLVM knows it by, the best first
    "avx512f": Machine(16, 32, folds=True),
    "avx": Machine(8, 16),
    "sse2": Machine(4, 16),
    "neon": Machine(4, 32),
    "v": Machine(4, 32),  # RISC-V: 128 bits at least
}
NEON_32_BIT = Machine(4, 16)


def machine(target: Any) -> Machine:
    """The machine that a tvm.target.Target describes by its processor's name and features."""
    from tvm.target.codegen import target_has_features
    found = next((known for feature, known in VECTORS.items() if target_has_features(feature, target)), SCALAR)
    if found is VECTORS["neon"] and str(target.attrs.get("mtriple", "")).startswith("arm"):
        return NEON_32_BIT
    return found
