from __future__ import annotations

from pathlib import Path

import pytest
import torch
import tvm
from torch import nn

from edgenas.export.base import Export
from edgenas.export.exporters.tvm import relax_module
from edgenas.export.ir.tracing import trace
from edgenas.export.tvm.build import fused, with_variants
from edgenas.export.tvm.machine import Machine
from edgenas.export.tvm.target import compiler
from edgenas.export.tvm.tiles import Tile, best_tiles
from edgenas.export.tvm.variant import Variant, neighbours, variants

MACHINE = Machine(8, 16)


def test_the_first_variant_is_the_rules_own() -> None:
    first = variants(MACHINE, 4, 7, 9, shared=True)[0]
    assert first == Variant(best_tiles(MACHINE, 4, 7, 9, shared=True)[0])


def test_neighbours_differ_in_one_respect() -> None:
    among = variants(MACHINE, 4, 7, 9, shared=True)
    found = list(neighbours(among[0], among))
    assert len(found) == len(set(found)) == (8 - 1) + (3 - 1) + (3 - 1)
    assert among[0] not in found


def test_one_pixel_or_one_block_has_no_order_to_choose() -> None:
    for sizes in ((6, 1, 1), (1, 5, 5)):
        assert {variant.order for variant in variants(MACHINE, *sizes, shared=True)} == {"blocks"}


@pytest.mark.parametrize("order", ["blocks", "rows", "pixels"])
def test_every_order_computes_the_same(order) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(5, 70, 3, padding=1), nn.ReLU(), nn.Conv2d(70, 70, 3, groups=70)).eval()
    item = Export(net, torch.randn(1, 5, 9, 8), Path("net.so"))
    target = tvm.target.Target(compiler("host").target)
    module, vectors = fused(relax_module(item, trace([item])), target)
    blocks = -(-70 // vectors.lanes)
    chosen = {name.name_hint: Variant(Tile(blocks if blocks < 8 else 1, 1, 3), order, 48)
              for name in module.functions if "dense" in name.name_hint or "depthwise" in name.name_hint}
    assert len(chosen) == 2
    made = with_variants(module, vectors, chosen)
    assert made.leftovers == ()
    main = tvm.relax.VirtualMachine(tvm.compile(made.module, target=target), tvm.cpu())["main"]
    found = torch.from_numpy(main(tvm.runtime.tensor(item.example.numpy())).numpy())
    torch.testing.assert_close(found, net(item.example).detach(), rtol=1e-4, atol=1e-5)
