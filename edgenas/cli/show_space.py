"""A space as tables: its choices, and what of them a device cannot run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgenas.cli.output import say, table


def show_space(document: Mapping[str, Any]) -> None:
    """document: as `describe_space` gives it."""
    shape = "x".join(map(str, document["input_shape"]))
    table(f"space {document['name']} for images of {shape}, {document['classes']} classes: {document['size']:.4g} "
          "architectures", ["choice", "input", "candidates"],
          [[choice["name"], ", ".join("x".join(map(str, shape)) for shape in choice["input_shapes"]),
            ", ".join(choice["candidates"])] for choice in document["choices"]])
    if "fixed" in document:
        show_own(document)
    target = document["target"]
    if target is None:
        return
    where = f"{target['runtime']} on {target['device']}"
    if not target["known"]:
        say(f"what {where} cannot run is only known once it is measured")
    elif target["unsupported"]:
        table(f"what {where} cannot run, and a search for it leaves out", ["choice", "candidate", "why"],
              [[choice, name, reason] for choice, row in target["unsupported"].items() for name, reason in row.items()])
    else:
        say(f"{where} runs every candidate")


def show_own(document: Mapping[str, Any]) -> None:
    """Of a network of the user's own: what keeps its size and why, and how far it reaches."""
    from edgenas.space.traced.keeping import in_words

    if document["head"]:
        say(f"new head: {document['head']}")
    for sentence in in_words(document["kept"]):
        say(sentence)
    table("what keeps its size", ["layers", "channels", "why"],
          [[frozen["layers"], frozen["channels"], frozen["why"]] for frozen in document["fixed"]])
    for metric, (low, high) in document["reachable"].items():
        say(f"{metric}: from {low:.4g} to {high:.4g}")
