"""How much of a kernel's output is computed at once, in registers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edgenas.export.tvm.machine import Machine

STACK_BYTES = 1023
"""What TVM keeps on the stack, where LLVM finds it and makes registers of it; more comes from a pool of memory."""
LATENCY = 7
"""Multiplications that a processor has under way at once: fewer results in a tile leave it waiting."""


@dataclass(frozen=True)
class Tile:
    """blocks of channels, rows and columns of pixels; blocks and rows divide the output, columns may not."""

    blocks: int
    rows: int
    columns: int


def best_tiles(machine: Machine, blocks: int, rows: int, columns: int, *, shared: bool) -> list[Tile]:
    """All tiles that fit for an output of so many blocks, rows and columns; first what needs the fewest instructions.

    shared: whether each value of the input serves several blocks, as in a dense convolution.
    """
    return sorted(_fitting(machine, blocks, rows, columns),
                  key=lambda tile: (round(_cost(machine, tile, columns, shared), 6), tile.blocks, tile.rows))


def _fitting(machine: Machine, blocks: int, rows: int, columns: int) -> Iterator[Tile]:
    for block in _divisors(blocks, 8):
        for column in range(1, columns + 1):
            for row in _divisors(rows, 8) if column == columns else (1,):
                held = block * row * column
                spare = 1 if machine.folds and block == 1 else block + 3
                if held == 1 or held + spare <= machine.registers and held * machine.lanes * 4 <= STACK_BYTES:
                    yield Tile(block, row, column)


def _cost(machine: Machine, tile: Tile, columns: int, shared: bool) -> float:
    """Of the instructions for one block and pixel, in a row whose last part may be smaller."""
    whole, rest = divmod(columns, tile.columns)
    parts = [tile.columns] * whole + [rest] * (rest > 0)
    return sum(_step(machine, tile.blocks, tile.rows * part, shared) for part in parts) / (
        tile.blocks * tile.rows * columns)


def _step(machine: Machine, blocks: int, pixels: int, shared: bool) -> float:
    """Of a tile's instructions in one step of the reduction; loads run beside multiplications, but not quite free."""
    multiplications = blocks * pixels
    inputs = 0 if machine.folds and blocks == 1 else pixels
    loads = blocks + (inputs if shared else multiplications)
    return max(multiplications, loads, LATENCY) + loads / 4


def _divisors(number: int, most: int) -> list[int]:
    return [divisor for divisor in range(1, min(number, most) + 1) if number % divisor == 0]
