"""How search and training went, epoch by epoch."""

from __future__ import annotations

from collections.abc import Sequence

from edgenas.flow.records import SearchEpoch, TrainEpoch
from edgenas.report.contents import Contents
from edgenas.report.markup import Html, not_done, note, section, tag
from edgenas.report.plots import HANDMADE, LIMIT, MEASURED, PREDICTED, Across, plot
from edgenas.report.section import Section
from edgenas.report.units import percent, unit

EXPLAINED = ("Expected cost: under the choices' probabilities, as the cost model predicts it. Solid line: "
             "the budget; dotted: the target, below it by the cost model's margin. Entropy: 1 when all "
             "candidates are equally likely, 0 when every choice is decided.")


def curves(run: Contents) -> Html:
    return section("curves", "Search and training", tag("h3", "Search"), *search(run), tag("h3", "Training"),
                   *training(run))


def search(run: Contents) -> list[Html]:
    if run.search is None:
        return [not_done("The search is not finished")]
    history = run.search.history
    if not history:
        return [note(f"Strategy {run.config.strategy} trains no supernet: there are no curves.")]
    loss, right = [row.loss for row in history], [row.accuracy for row in history]
    panels = [curve("Loss on training batches", "cross-entropy", loss),
              curve("Accuracy on training batches", "share of images", right, tickformat=".0%"),
              *(panel for metric in history[0].budgets for panel in pressure(run, metric, history)),
              curve("Entropy of the choices", "share of the largest", [row.entropy for row in history])]
    length = f"{counted(history)} of the supernet, along sampled paths, in {duration(history)}."
    return [note(f"{length} {EXPLAINED}"),
            tag("div", *panels, class_="plots")]


def pressure(run: Contents, metric: str, history: Sequence[SearchEpoch]) -> list[Html]:
    """The expected cost on its way to the target, and the multiplier that pulls it there."""
    states = [row.budgets[metric] for row in history]
    expected = [state.expected for state in states]
    lines = [Across(states[-1].target, LIMIT, "dot")]
    lines += [Across(b.limit, LIMIT) for b in run.budgets if b.metric == metric]
    return [curve(f"Expected {metric}", f"{unit(metric) or metric}, expected", expected, colour=PREDICTED,
                  lines=lines),
            curve(f"Multiplier of {metric}", "λ (no unit)", [state.multiplier for state in states])]


def training(run: Contents) -> list[Html]:
    found = run.training
    if found is None:
        return [not_done("The network is not trained yet", run.command("train"))]
    validation = [row.validation for row in found.history]
    best = validation.index(max(validation)) + 1
    start = "from the supernet's weights" if run.inherits else "from scratch"
    loss = "cross-entropy and distillation" if run.config.distill else "cross-entropy"
    panels = [curve("Training loss", loss, [row.loss for row in found.history]),
              curve("Validation accuracy", "share of images", validation, tickformat=".0%", colour=MEASURED)]
    validated, tested = percent(found.accuracy.validation), percent(found.accuracy.test)
    return [note(f"{counted(found.history)} {start} in {duration(found.history)}. Epoch {best} was the best "
                 "on the validation part; its weights were kept: ", validated, " there, ", tested,
                 " on the test part, which was used once, at the end."),
            tag("div", *panels, class_="plots")]


def curve(title: str, y: str, values: Sequence[float], *, colour: str = HANDMADE,
          tickformat: str | None = None, lines: Sequence[Across] = ()) -> Html:
    """One value per epoch."""
    shown = [*values, *(line.y for line in lines)]
    room = 0.08 * (max(shown) - min(shown)) or 0.1 * abs(shown[0]) or 1.0
    hover = ".2%" if tickformat else ".5g"
    trace = {"x": list(range(1, len(values) + 1)), "y": list(values), "mode": "lines+markers",
             "line": {"color": colour, "width": 2.5}, "marker": {"size": 6 if len(values) <= 40 else 3},
             "hovertemplate": f"epoch %{{x}}: %{{y:{hover}}}<extra></extra>"}
    return plot([trace], title=title, x="epoch", y=y, lines=[line.shape for line in lines],
                yaxis={"tickformat": tickformat, "range": [min(shown) - room, max(shown) + room]},
                xaxis={"tickformat": "d", "dtick": max(1, len(values) // 6)})


def counted(history: Sequence[object]) -> str:
    return f"{len(history)} epoch{'' if len(history) == 1 else 's'}"


def duration(history: Sequence[SearchEpoch] | Sequence[TrainEpoch]) -> str:
    """How long all epochs took together."""
    seconds = sum(row.seconds for row in history)
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"


SECTION = Section(70, curves)
