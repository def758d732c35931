"""A space as tables: its choices, and what of them a device cannot run."""

from __future__ import annotations

from collections.abc import Sequence

from edgenas.cli.output import say, table
from edgenas.flow.records import Frozen
from edgenas.flow.records.documents import DescribedSpace


def show_space(found: DescribedSpace) -> None:
    shape = "x".join(map(str, found.input_shape))
    table(f"space {found.name} for images of {shape}, {found.classes} classes: {found.size:.4g} architectures",
          ["choice", "input", "candidates"],
          [[choice.name, ", ".join("x".join(map(str, shape)) for shape in choice.input_shapes),
            ", ".join(choice.candidates)] for choice in found.choices])
    if found.fixed is not None:
        show_own(found, found.fixed)
    target = found.target
    if target is None:
        return
    where = f"{target.runtime} on {target.device}"
    if not target.known:
        say(f"what {where} cannot run is only known once it is measured")
    elif target.unsupported:
        table(f"what {where} cannot run, and a search for it leaves out", ["choice", "candidate", "why"],
              [[choice, name, reason] for choice, row in target.unsupported.items() for name, reason in row.items()])
    else:
        say(f"{where} runs every candidate")


def show_own(found: DescribedSpace, fixed: Sequence[Frozen]) -> None:
    """Of a network of the user's own: what keeps its size and why, and how far it reaches."""
    from edgenas.space.traced.keeping import in_words

    if found.head:
        say(f"new head: {found.head}")
    for sentence in in_words(found.kept):
        say(sentence)
    table("what keeps its size", ["layers", "channels", "why"],
          [[frozen.layers, frozen.channels, frozen.why] for frozen in fixed])
    for metric, (low, high) in found.reachable.items():
        say(f"{metric}: from {low:.4g} to {high:.4g}")
