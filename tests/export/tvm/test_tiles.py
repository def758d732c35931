from __future__ import annotations

import pytest

from edgenas.export.tvm.machine import SCALAR, VECTORS, Machine
from edgenas.export.tvm.tiles import STACK_BYTES, Tile, best_tiles

MACHINES = [*VECTORS.values(), SCALAR]


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize(("blocks", "rows", "columns"), [
    (1, 1, 1), (4, 28, 28), (5, 7, 7), (3, 19, 19), (7, 13, 31), (60, 1, 1), (2, 2, 2), (1, 112, 112),
])
def test_a_tile_fits_into_the_registers(machine: Machine, shared: bool, blocks: int, rows: int, columns: int) -> None:
    tile = best_tiles(machine, blocks, rows, columns, shared=shared)[0]
    held = tile.blocks * tile.rows * tile.columns
    assert held < machine.registers
    assert held * machine.lanes * 4 <= STACK_BYTES
    assert blocks % tile.blocks == rows % tile.rows == 0
    assert tile.columns <= columns and (tile.rows == 1 or tile.columns == columns)


def test_tiles_that_were_measured_to_be_the_fastest() -> None:
    """On Zen 4, with AVX-512 and with AVX2: 28×28 and 7×7 by 3×3, 14×14 by 1×1."""
    avx512, avx = VECTORS["avx512f"], VECTORS["avx"]
    assert best_tiles(avx512, 4, 28, 28, shared=True)[0] == Tile(1, 1, 14)
    assert best_tiles(avx512, 8, 7, 7, shared=True)[0] == Tile(1, 1, 7)
    assert best_tiles(avx, 8, 28, 28, shared=True)[0] == Tile(2, 1, 4)
    assert best_tiles(avx, 12, 14, 14, shared=True)[0] == Tile(2, 1, 5)


def test_one_pixel_takes_several_blocks() -> None:
    assert best_tiles(VECTORS["avx"], 60, 1, 1, shared=True)[0].blocks >= 4
