"""From budget to prediction to measurement, per budget."""

from __future__ import annotations

from edgenas.cost.budget import Budget
from edgenas.figure import MEASURED, PREDICTED
from edgenas.flow.records import Decoding
from edgenas.report.contents import Contents
from edgenas.report.markup import Html, join, not_done, note, section, tag
from edgenas.report.rounds import rounds
from edgenas.report.section import Section
from edgenas.report.units import amount, percent

ROOM = 1.1  # the scale of the bars goes this far beyond the largest figure
LEGEND = {"limit": "budget", PREDICTED: "predicted, or exact", MEASURED: "measured, or counted"}


def funnel(run: Contents) -> Html:
    title = "Budget, prediction, measurement"
    if run.decoding is None:
        return section("funnel", title, not_done("The search is not finished"))
    keys = [tag("span", tag("span", class_=f"key {kind}"), text) for kind, text in LEGEND.items()]
    legend = tag("div", *keys, class_="legend")
    missing = [] if run.verdict else [not_done("The trained artifact is not verified yet",
                                               run.command("verify" if run.training else "train"))]
    return section("funnel", title, legend, *(stages(run, run.decoding, b) for b in run.decoding.budgets),
                   *missing, rounds(run, run.decoding))


def stages(run: Contents, decoding: Decoding, budget: Budget) -> Html:
    """One budget's bars with their shares of it, the limit a line through all of them."""
    metric, word = budget.metric, run.known(budget.metric)
    exact = decoding.models[metric].exact
    rows = [(PREDICTED, "exact, from the operators" if exact else "predicted by the cost model",
             decoding.predicted[metric]),
            (MEASURED, f"{word}, decoded network, untrained", decoding.chosen.cost(metric)),
            (MEASURED, f"{word}, trained and exported artifact", run.verified(metric))]
    if word == PREDICTED:
        rows = rows[:1]  # nothing can be measured
    end = ROOM * max([budget.limit, *(value for _, _, value in rows if value is not None)])
    line = tag("div", class_="line", style=f"left:{budget.limit / end:.3%}")
    bars = [bar("budget", f"budget ({metric})", amount(metric, budget.limit), line)]
    for kind, name, value in rows:
        width = f"width:{(value or 0.0) / end:.3%}"
        bars.append(bar("", name, beside(metric, value, budget.limit),
                        tag("div", class_=f"fill {kind}", style=width), line))
    return tag("div", tag("div", *bars, class_="bars"), margin(decoding, budget))


def bar(kind: str, name: str, value: str, *track: str) -> Html:
    return tag("div", tag("div", name, class_="name"), tag("div", *track, class_="track"),
               tag("div", value, class_="value"), class_=f"bar {kind}".strip())


def beside(metric: str, value: float | None, limit: float) -> Html:
    if value is None:
        return tag("span", "not verified", class_="share")
    share = tag("span", f"{value / limit:.1%}", class_="share" if value <= limit else "share missed")
    return join([amount(metric, value), share], " ")


def margin(decoding: Decoding, budget: Budget) -> Html:
    """The allowance for the cost model's error, and what the space can reach."""
    metric, model = budget.metric, decoding.models[budget.metric]
    low, high = model.reachable
    reach = join([f"The networks of this space reach from {'' if model.exact else 'a predicted '}",
                  amount(metric, low), " to ", amount(metric, high), "."])
    if model.exact:
        return note(reach)
    return note("Margin for the cost model's own error: ", percent(model.margin),
                ", so the search aimed at ", amount(metric, budget.limit / (1 + model.margin)), ". ", reach)


SECTION = Section(30, funnel)
