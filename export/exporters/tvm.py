"""Shared libraries by TVM Relax, with their signature beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch.fx import GraphModule

from edgenas.export.base import Done, Export, Exporter, in_batches
from edgenas.export.check.coverage import Coverage
from edgenas.export.deferred import deferred
from edgenas.export.extras import import_extra
from edgenas.export.ir.tracing import examples, output_shapes, trace, translated
from edgenas.export.package.contents import Sidecar, TensorSpec, sidecar_path
from edgenas.export.quiet import quiet
from edgenas.export.tvm.build import Scheduled, scheduled
from edgenas.export.tvm.int8 import int8_module
from edgenas.export.tvm.objects import write_library
from edgenas.export.tvm.probe import values
from edgenas.export.tvm.target import Compiler, compiler
from edgenas.export.tvm.tuning import Tuning, check_tunable
from edgenas.files import replacing, write_json


class ToTvm(Exporter):
    """A library whose `main` takes `image` and returns `logits`, float32, NCHW; static shapes. int8: see tvm_int8.py.

    `target` is one of tvm_target.py's: `host` is this machine's very CPU, another name a processor family.
    With `tuning` its kernels are tuned, see tvm_tuning.py. The library does not carry its signature: `<path>.json`
    does, with the operators it was compiled from.
    """

    format = "tvm"
    suffix = ".so"
    extra = "tvm"
    precisions = ("fp32", "int8")
    tunable = True
    shows_values = True
    example_needs = "numpy apache-tvm pillow"

    def __init__(self, tuning: Tuning | None = None) -> None:
        self._tuning = tuning

    def tuned(self, tuning: Tuning) -> Exporter:
        return ToTvm(tuning)

    def values(self, path: Path, image: NDArray[Any]) -> list[NDArray[Any]]:
        return values(path, image)

    def export(self, items: Sequence[Export], *, target: str = "host", precision: str = "fp32",
               on_done: Done | None = None) -> None:
        self.check_precision(precision)
        import_extra("tvm", self.extra)
        if self._tuning:
            check_tunable(target, precision)
        chosen = compiler(target)
        in_batches(items, 1, lambda batch: write(batch[0], chosen, precision, self._tuning), on_done)


def write(item: Export, chosen: Compiler, precision: str = "fp32", tuning: Tuning | None = None) -> None:
    import tvm
    covered = None
    if precision == "int8":
        module, shape, covered = int8_module(item)
    else:
        graph = trace([item])
        module, shape = relax_module(item, graph), output_shapes(graph)[0]
    target = tvm.target.Target(chosen.target)
    with replacing(item.path) as scratch, translated([item], "TVM cannot compile it"):
        fast = scheduled(module, target, tuning)
        with deferred():
            library = tvm.compile(fast.module, target=target)
            write_library(library, chosen, scratch)
    write_json(sidecar_path(item.path), sidecar(item, shape, module, chosen, fast, covered).model_dump(mode="json"))


def sidecar(item: Export, shape: tuple[int, ...], module: Any, chosen: Compiler, fast: Scheduled,
            covered: Coverage | None = None) -> Sidecar:
    return Sidecar(
        inputs=(TensorSpec(name="image", shape=tuple(item.example.shape), dtype="float32"),),
        outputs=(TensorSpec(name="logits", shape=shape, dtype="float32"),),
        operators=_operators(module), target=chosen.name, unscheduled=fast.leftovers, tuned=fast.tuned,
        coverage=covered,
    )


def relax_module(item: Export, graph: GraphModule) -> Any:
    """The module as a Relax program with its weights inside."""
    from tvm.relax.frontend.torch import from_exported_program
    with translated([item], "TVM cannot express it"), quiet(), torch.no_grad():
        program = torch.export.export(graph, examples([item]), strict=False)
        return from_exported_program(program, keep_params_as_input=False, unwrap_unit_return_tuple=True)


def _operators(module: Any) -> dict[str, int]:
    """How often each Relax operator is called."""
    import tvm
    calls: Counter[str] = Counter()

    def visit(node: Any) -> None:
        if isinstance(node, tvm.relax.Call) and isinstance(node.op, tvm.ir.Op):
            calls[node.op.name.removeprefix("relax.")] += 1

    tvm.relax.analysis.post_order_visit(module["main"], visit)
    return dict(sorted(calls.items()))


EXPORTER = ToTvm()
