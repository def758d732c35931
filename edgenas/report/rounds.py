"""The rounds of picking, exporting, measuring and correcting that led to the network."""

from __future__ import annotations

from edgenas.figure import MEASURED, PREDICTED, Provenance
from edgenas.flow.records import Decoding, Round
from edgenas.report.contents import Contents
from edgenas.report.markup import Html, note, table, tag, verdict
from edgenas.report.units import amount
from edgenas.selection.limits import REPEATABILITY

EXPLAINED = ("Each round's network was exported and measured, and the cost model then shifted to what was "
             "measured: predictions of later rounds contain that correction. A latency must stay "
             f"{REPEATABILITY:.0%} below its limit, so that it holds when it is measured again.")
BEST = "Of the networks that held, the best-ranked was taken, or without a ranking the one with the best scores."
FASTEST = ("Networks that held were trained for the first epochs of a final training, the half with the lower training "
           "loss for twice as many, and so on: the one that was left was taken.")

UNMEASURED = ("The device is known by published latencies of blocks only: that a network held is predicted, and none "
              "was measured.")


def rounds(run: Contents, decoding: Decoding) -> Html:
    head = ["round"]
    for b in decoding.budgets:
        predicted = "exact" if decoding.models[b.metric].exact else PREDICTED
        head += [f"{b.metric} {predicted}", run.known(b.metric), "of budget"]
    tried = any(entry.trial_epochs is not None for entry in decoding.rounds)
    rows = [[str(number), *figures(decoding, entry), judged(decoding, entry), *[trial(entry)] * tried,
             compared(decoding, entry)] for number, entry in enumerate(decoding.rounds, start=1)]
    return tag("div", tag("h3", "Rounds: pick, export, measure, correct"),
               table([*head, "budget", *["trial loss"] * tried, "network"], rows),
               note(f"{explained(run.known('latency_ms'))} {FASTEST if tried else BEST}"))


def explained(word: Provenance) -> str:
    return UNMEASURED if word == PREDICTED else EXPLAINED.replace(MEASURED, word)


def trial(entry: Round) -> str:
    if entry.trial_epochs is None:
        return ""
    loss = "diverged" if entry.trial_loss is None else f"{entry.trial_loss:.3f}"
    return f"{loss}, epoch {entry.trial_epochs}"


def figures(decoding: Decoding, entry: Round) -> list[str]:
    cells: list[str] = []
    for b in decoding.budgets:
        found = entry.cost(b.metric)
        cells += [amount(b.metric, entry.predicted[b.metric]), amount(b.metric, found),
                  f"{found / b.limit:.1%}"]
    return cells


def judged(decoding: Decoding, entry: Round) -> Html:
    """Held, missed, or below the limit but too near to it to be relied on."""
    below = all(entry.cost(b.metric) <= b.limit for b in decoding.budgets)
    return tag("span", "too near", class_="missed") if below and not entry.within else verdict(entry.within)


def compared(decoding: Decoding, entry: Round) -> Html:
    """Whether this network was taken, or in how many places it differs from the one that was."""
    other = [f"{choice}: {candidate}" for choice, candidate in entry.architecture.items()
             if decoding.architecture.get(choice) != candidate]
    if not other:
        return tag("strong", "taken")
    return tag("span", f"differs in {len(other)} place{'' if len(other) == 1 else 's'}",
               title=", ".join(other))
