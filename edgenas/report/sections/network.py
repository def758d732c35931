"""The found network, drawn layer by layer."""

from __future__ import annotations

from edgenas.cost.metrics import METRICS
from edgenas.figure import PREDICTED
from edgenas.flow.records import Decoding, Layer
from edgenas.report.contents import Contents
from edgenas.report.markup import Html, figure, not_done, note, section, tag
from edgenas.report.section import Section
from edgenas.report.units import amount

ABSENT = "skip"
OVERHEAD = "overhead"


def network(run: Contents) -> Html:
    title = "The network, layer by layer"
    decoding = run.decoding
    if decoding is None:
        return section("network", title, not_done("The search is not finished"))
    metric = drawn_metric(decoding)
    layers = [layer for layer in decoding.layers if metric in layer.predicted]
    costs = [layer.predicted[metric] for layer in layers]
    how = "exact" if decoding.models[metric].exact else PREDICTED
    if sums(metric):
        whole, said = sum(costs), "; percentages are shares of the whole, "
    else:
        whole, said = max(costs), "; the network's figure is the largest, percentages compare with it: "
    return section("network", title, note(
        f"Coloured: each layer's {how} {metric} next to the costliest layer's{said}", amount(metric, whole),
        ". Shapes are those of a layer's input: channels x height x width."),
        tag("ol", *(box(layer, metric, whole, max(costs)) for layer in layers), class_="layers"))


def drawn_metric(decoding: Decoding) -> str:
    """The first budget whose costs add up, else the first."""
    metrics = [b.metric for b in decoding.budgets]
    return next((m for m in metrics if sums(m)), metrics[0])


def sums(metric: str) -> bool:
    return metric not in METRICS or METRICS[metric].combine == "sum"


def box(layer: Layer, metric: str, whole: float, largest: float) -> Html:
    """One layer; thin where nothing is executed."""
    cost = layer.predicted[metric]
    kind = "skipped" if layer.candidate == ABSENT else OVERHEAD if layer.place == OVERHEAD else "executed"
    share = cost / whole if whole else 0.0
    texts: dict[str, str] = {"place": layer.place, "operator": layer.candidate or "outside the layers",
                             "shape": "x".join(str(side) for side in layer.input_shape)}
    if kind != "skipped":
        texts |= {"cost": amount(metric, cost), "part": figure(share, f"{share:.0%}")}
    length = max(0.0, cost / largest) if largest else 0.0
    return tag("li", tag("div", class_="share", style=f"width:{length:.2%}"),
               tag("div", *(tag("span", text, class_=name) for name, text in texts.items()), class_="text"),
               class_=f"layer {kind}")


SECTION = Section(50, network)
