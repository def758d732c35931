"""A network of the user's own that was made to fit: before and after."""

from __future__ import annotations

from collections.abc import Mapping

from edgenas.figure import COUNTED
from edgenas.flow.records import Uncut
from edgenas.report.contents import Contents
from edgenas.report.markup import Html, figure, note, section, table, tag
from edgenas.report.section import Section
from edgenas.report.units import amount, percent
from edgenas.space.elastic import ABSENT


def uncut(run: Contents) -> Html:
    """Nothing where the run is not of a network of the user's."""
    if run.uncut is None:
        return Html("")
    body = [table(["", "before", "after", "change"], rows(run, run.uncut))]
    if run.decoding is not None:
        body.append(tag("h3", "Block by block"))
        body.append(table(["block", "before", "after", "estimated rise of the loss, by itself"],
                          blocks(run.uncut, run.decoding.architecture)))
    kept = [[frozen.layers, figure(frozen.channels, str(frozen.channels)), frozen.why] for frozen in run.uncut.fixed]
    body += [tag("h3", "What kept its size"), table(["layers", "channels", "why"], kept)]
    if starter := run.uncut.starter:
        body.append(note(f"{starter.name} was trained by others: {starter.weights}, of ", ", ".join(
            f"{package} {version}" for package, version in starter.packages.items()),
            f"; licence {starter.licence}; {starter.source}"))
    if run.uncut.head:
        body.append(note(f"Its classifier, {run.uncut.head}, was replaced by one of the data's classes and taught: "
                         "that is the network before."))
    return section("uncut", f"Before and after: {run.config.origin}", *body)


def rows(run: Contents, before: Uncut) -> list[list[str]]:
    """Accuracy and costs, as far as they are known."""
    found = []
    if run.training is not None:
        was, now = before.accuracy.test, run.training.accuracy.test
        found.append(["test accuracy, in PyTorch", percent(was), percent(now),
                      figure(now - was, f"{100 * (now - was):+.2f} points")])
    for metric, was in before.before.items():
        after = cost_after(run, before, metric)
        known = run.known(metric) if metric in {b.metric for b in run.budgets} else COUNTED
        found.append([f"{metric}, {known}", amount(metric, was), *(
            [amount(metric, after), figure(after / was - 1, f"{after / was - 1:+.1%}")] if after is not None
            else ["not known yet", ""])])
    return found


def cost_after(run: Contents, before: Uncut, metric: str) -> float | None:
    """Of the verified file, or of the decoded network."""
    if metric == "file_kib":
        return run.verdict.bound.bytes / 1024 if run.verdict else before.after.get(metric)
    if metric in {b.metric for b in run.budgets}:
        verified = run.verified(metric)
        return run.decoding.chosen.cost(metric) if verified is None and run.decoding else verified
    return before.after.get(metric)


def blocks(before: Uncut, architecture: Mapping[str, str]) -> list[list[str]]:
    found = []
    for block, rises in before.rises.items():
        picked = architecture.get(block, "")
        rise = rises.get(picked.partition("@")[0])
        found.append([block, sized(next(iter(rises))), sized(picked),
                      figure(rise, f"{rise:.4f}") if rise is not None else ""])
    return found


def sized(candidate: str) -> str:
    """`w64` is 64 channels."""
    return f"{candidate[1:]} channels" if candidate[1:].isdigit() else "left out" if candidate == ABSENT else candidate


SECTION = Section(20, uncut)
