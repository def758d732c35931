"""How far the cost models can be trusted."""

from __future__ import annotations

from edgenas.figure import PUBLISHED
from edgenas.flow.records import Model
from edgenas.report.contents import Contents
from edgenas.report.markup import Html, figure, listing, not_done, note, section, tag
from edgenas.report.section import Section
from edgenas.report.units import percent


def cost_models(run: Contents) -> Html:
    title = "Cost model"
    if run.decoding is None:
        return section("cost-model", title, not_done("The search is not finished"))
    return section("cost-model", title, *(tag("div", tag("h3", metric), *described(model))
                                          for metric, model in run.decoding.models.items()))


def described(model: Model) -> list[Html]:
    if model.exact:
        return [note("Exact: it follows from the network's operators and needs no measurement.")]
    if model.provenance == PUBLISHED:
        return [note("Predicted: the sum of the blocks' published latencies, and not measured. No whole networks were "
                     "published, so that there is neither a calibration nor an interval; margin ",
                     percent(model.margin), ", for blocks whose latency is predicted from others'.")]
    if model.held_out is None:
        return [note("Predicted from the operators, with a margin of ", percent(model.margin),
                     "; the figure that counts is the exported file's.")]
    error = model.held_out
    return [note("Predicted: the sum of the blocks' measured latencies, calibrated on whole networks that "
                 "were measured. Its errors on networks that the calibration had not seen:"),
            listing([("networks, each held out in turn", figure(error.networks, str(error.networks))),
                     ("mean absolute error", percent(error.mape)),
                     ("rank correlation (Spearman)", figure(error.spearman, f"{error.spearman:.3f}")),
                     ("predicted within ±5%", percent(error.within_5, 0)),
                     ("predicted within ±10%", percent(error.within_10, 0)),
                     *([] if error.coverage is None else
                       [("inside their 90% interval", percent(error.coverage, 0))]),
                     ("margin: 90% quantile of measured above predicted", percent(model.margin))])]


SECTION = Section(90, cost_models)
