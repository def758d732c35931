"""The top of the page: what was asked, whether it holds, and how far the run has come."""

from __future__ import annotations

from edgenas.figure import PREDICTED
from edgenas.report.contents import Contents
from edgenas.report.markup import Html, figure, join, tag, verdict
from edgenas.report.section import Section
from edgenas.report.units import amount, bare, digits, percent, unit

FORETOLD = "predicted from published latencies; not measured"


def headline(run: Contents) -> Html:
    c = run.config
    name = run.data.name if run.data else c.data
    date = c.created.replace("T", " ").replace("+00:00", " UTC") or "unknown date"
    about = f"Run of {date} · seed {c.seed} · strategy {c.strategy} · space {c.space} · {run.folder}"
    return tag("header", tag("h1", f"{name} on {c.device} with {c.runtime}"), tag("p", about, class_="about"),
               says(run), tag("div", *cards(run), class_="cards"), phases(run), id="headline")


def says(run: Contents) -> Html:
    """One sentence: whether the budgets are held, by what, and how well it is known."""
    if run.verdict:
        parts = [join([f"{b.metric} ", bare(b.cost), f" {run.known(b.metric)} of ", bare(b.limit), " budget: ",
                       FORETOLD if run.known(b.metric) == PREDICTED and b.within else verdict(b.within)])
                 for b in run.verdict.budgets]
        return tag("p", join(parts, "; "), class_="says good" if run.verdict.within else "says bad")
    if run.decoding:
        found = run.decoding.chosen
        parts = [join([f"{b.metric} ", bare(found.cost(b.metric)), f" {run.known(b.metric)} of ", bare(b.limit),
                       " budget"]) for b in run.decoding.budgets]
        return tag("p", join(parts, "; "), " before training; the trained artifact is not verified yet.",
                   class_="says open")
    return tag("div", tag("p", "No network has been found yet. This goes on with the search:"),
               tag("code", run.search_command), class_="says open")


def cards(run: Contents) -> list[Html]:
    return [*accuracy_cards(run), *budget_cards(run), *file_cards(run), device_card(run)]


def card(what: str, big: str, *more: str) -> Html:
    return tag("div", tag("div", what, class_="what"), tag("div", big, class_="big"),
               tag("div", *more, class_="more"), class_="card")


def accuracy_cards(run: Contents) -> list[Html]:
    if run.verdict:
        bound = run.verdict.bound
        return [card("Test accuracy", percent(bound.test_accuracy), "of the exported file, on ",
                     figure(bound.test_images, f"{bound.test_images:,}"), " images")]
    if run.training:
        return [card("Test accuracy", percent(run.training.accuracy.test),
                     "of the trained network, in PyTorch")]
    return []


def budget_cards(run: Contents) -> list[Html]:
    if run.decoding is None:
        return [card(f"Budget of {r.metric}",
                     r.text if r.is_share else f"{digits(r.value)} {unit(r.metric)}".rstrip(),
                     "of the largest network" if r.is_share else "") for r in run.config.budgets]
    found = []
    for b in run.decoding.budgets:
        verified = run.verified(b.metric)
        cost = run.decoding.chosen.cost(b.metric) if verified is None else verified
        found.append(card(f"{b.metric}, {run.known(b.metric)}", amount(b.metric, cost),
                          f"{cost / b.limit:.1%} of the budget of ", amount(b.metric, b.limit)))
    return found


def file_cards(run: Contents) -> list[Html]:
    if not run.verdict:
        return []
    bound = run.verdict.bound
    return [card("Exported file", amount("flash_kib", bound.bytes / 1024), bound.format)]


def device_card(run: Contents) -> Html:
    threads = run.config.threads
    return card("Device", run.config.device,
                f"{run.config.runtime}, {threads} thread{'' if threads == 1 else 's'}")


def phases(run: Contents) -> Html:
    """How far the run has come."""
    done = {"search": run.decoding, "train": run.training, "export": run.manifest, "verify": run.verdict,
            "baselines": run.baselines}
    items = [tag("li", f"{name} done") if found else tag("li", f"{name} not done", class_="open")
             for name, found in done.items()]
    return tag("ul", *items, class_="phases", aria_label="phases")


SECTION = Section(10, headline)
