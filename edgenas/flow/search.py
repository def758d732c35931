"""The search phase: profile what is missing, refuse what is out of reach, search, and settle on an architecture."""

from __future__ import annotations

from collections.abc import Mapping

from edgenas.cost.missing import missing_blocks, missing_networks
from edgenas.cost.profiling import profile_space, steps
from edgenas.errors import BudgetError
from edgenas.figure import PREDICTED, Provenance
from edgenas.flow import support
from edgenas.flow.candidates import Candidates, Trial
from edgenas.flow.cells import cells_of, in_words
from edgenas.flow.measure import costs_everywhere
from edgenas.flow.own_network import measure_before, note_after, prepare_own, told_own
from edgenas.flow.records import Decoding, Layer, Model, Round
from edgenas.flow.run import Run
from edgenas.flow.settle import Settled, check_together, settle
from edgenas.progress import Progress
from edgenas.search.search import SearchResult, search
from edgenas.selection.figures import asking
from edgenas.space import Architecture, Part, Space
from edgenas.space.narrowing import narrowed
from edgenas.space.precision import in_vain

ROOMY = 0.5  # of the largest network's cost: where docs/benchmarks.md has a wider space do better


def prepare(run: Run, progress: Progress) -> None:
    """Profile what the cost models need, and check that the budgets can be reached.

    Raises: BudgetError giving the reachable range.
    """
    if run.config.unsupported:
        progress.say(support.told(run.config.unsupported, run.device.name))
    for there in (run, *run.elsewhere.values()):
        if there.is_profiled:
            profile_device(there, progress)
    if run.config.origin:
        measure_before(run, progress)
    for budget in run.budgets:
        low, high = run.models[budget.metric].reachable
        progress.say(f"budget {budget.metric} {budget.limit:.4g}; this space reaches from {low:.4g} to {high:.4g}")
    check_together(run.models, run.budgets)


def missing(run: Run) -> int:
    """How many measurements the cost models lack."""
    return steps(run.profile, missing_blocks(run.space, run.profile), missing_networks(run.space, run.profile))


def profile_device(run: Run, progress: Progress) -> None:
    """Measure what the cost models need, and say how good they are."""
    if run.latency_word == PREDICTED:
        model, _ = run.latency
        progress.say(f"latency_ms is predicted from published latencies of {run.device.name}'s blocks; nothing is "
                     f"measured. Margin {model.margin:.1%}")
        return
    if missing(run):
        with run.profile.writing(progress.say):
            if work := missing(run):
                progress.start(f"profile {run.device.name} {run.config.runtime}", work)
                profile_space(run.space, run.device, run.profile, on_done=progress.advance, say=progress.say)
    for metric in filter(run.told, run.metrics):
        progress.say(f"cost model of {metric}: margin {run.models[metric].margin:.1%}")
    error = run.latency[1] if "latency_ms" in run.metrics else None
    if error is None:
        return
    progress.say(f"cost model of latency_ms on {error.networks} held-out networks: error {error.mape:.1%} (mean "
                 f"absolute), Spearman {error.spearman:.3f}, {error.within_10:.0%} within ±10%, margin "
                 f"{error.margin:.1%}")


def search_phase(run: Run, progress: Progress) -> Architecture:
    """Find the run's architecture, whose exported file was measured within every budget.

    Raises: BudgetError when no decoded network held the budgets on the device.
    """
    if (run.folder / "architecture.json").exists():
        return run.architecture
    run.task.describe().write(run.folder)
    if run.config.origin:
        prepare_own(run, progress)
    prepare(run, progress)
    hint_at_wider(run, progress)
    space = worthwhile(run, progress)
    result = search(space, run.task, run.strategy, run.models, run.budgets, settings=run.config.search,
                    seed=run.config.seed, checkpoint=run.folder / "search" / "checkpoint.pt", fabric=run.fabric,
                    progress=progress)
    if run.strategy.trains_supernet:
        run.save_weights("supernet", result.supernet)
    candidates = Candidates(run, result, progress)
    settled = settled_on(run, result, candidates, progress)
    for sentence in in_words(run.space, settled.architecture):
        progress.say(sentence)
    found = decoding(run, settled, candidates.trials)
    if run.strategy.trains_supernet:
        with asking(result.supernet, run.task, run.strategy, run.fabric) as validation:
            found = found.replaced(supernet_validation=validation(settled.architecture))
    found.write(run.folder)
    if run.config.origin:
        note_after(run, settled.architecture)
    settled.architecture.save(run.folder / "architecture.json")
    candidates.training.clear()
    return settled.architecture


def settled_on(run: Run, result: SearchResult, candidates: Candidates, progress: Progress) -> Settled:
    """Raises: BudgetError when no decoded network held the budgets on the device."""
    try:
        return settle(result.scores, run.models, run.budgets, lambda a: architecture_costs(run, a), progress,
                      words(run), candidates.rank, max(1, run.config.search.trials), candidates.fastest)
    except BudgetError as error:
        raise (told_own(error) if run.config.origin else error) from error


def hint_at_wider(run: Run, progress: Progress) -> None:
    """Say so where a budget leaves room for a wider space, whose networks may be better ones at the same cost."""
    width = run.space.options.get("width")
    largest = {metric: model.reachable[1] for metric, model in run.models.items()}
    if isinstance(width, float) and all(budget.limit > ROOMY * largest[budget.metric] for budget in run.budgets):
        progress.say("the largest network of this space costs less than twice the budget: a wider space may hold "
                     f"better ones; --try space.width={width:g},{1.5 * width:g},{2 * width:g} compares them")


def worthwhile(run: Run, progress: Progress) -> Space:
    """The space without int8 candidates that cost no less than the same in float32, by any budget's cost model."""
    vain = in_vain(run.space.choices, [model.table for model in run.models.values()])
    if vain:
        names = [f"{choice} {name}" for choice, each in vain.items() for name in each]
        progress.say(f"not searched, as int8 is no cheaper there: {', '.join(names)}")
    return narrowed(run.space, vain)


def architecture_costs(run: Run, architecture: Architecture) -> dict[str, float]:
    """What the exported, untrained network of `architecture` costs; a cost as predicted where no more is known."""
    found = costs_everywhere(run, {"decoded": run.space.build(architecture).eval()})["decoded"]
    return {m: found[m] if m in found else model.predict(architecture) for m, model in run.models.items()}


def words(run: Run) -> dict[str, Provenance]:
    """How what `architecture_costs` says of each metric is known."""
    return {metric: run.word(metric) for metric in run.models}


def decoding(run: Run, settled: Settled, trials: Mapping[Architecture, Trial]) -> Decoding:
    """What is kept of the search's choice."""
    rounds = [trials[attempt.architecture].noted(made) if attempt.architecture in trials else made
              for attempt in settled.rounds for made in [Round.of(attempt, words(run))]]
    return Decoding(
        models=models(run), budgets=tuple(run.budgets), architecture=dict(settled.architecture),
        predicted={m: model.predict(settled.architecture) for m, model in run.models.items()},
        layers=layers(run, settled.architecture), cells=cells_of(run.space, settled.architecture), rounds=tuple(rounds))


def models(run: Run) -> dict[str, Model]:
    """By metric what is kept of the run's cost models."""
    found = {name: Model(reachable=model.reachable, margin=model.margin, exact=model.exact, provenance=run.word(name))
             for name, model in run.models.items()}
    for place, there in {"": run, **run.elsewhere}.items():
        name = f"latency_ms@{place}" if place else "latency_ms"
        if name in found:
            found[name] = found[name].replaced(held_out=there.latency[1], profile_sha256=there.profile.digest,
                                               provenance=there.profile.header.provenance)
    return found


def layers(run: Run, architecture: Architecture) -> tuple[Layer, ...]:
    """The network's places in order, with what each adds to every metric, as predicted; those of one choice once."""
    shares = {metric: model.shares(architecture) for metric, model in run.models.items()}
    rows = [Layer(place=name, candidate=p.candidate or type(p.module).__name__, input_shape=tuple(p.input_shape),
                  predicted={metric: share[name] for metric, share in shares.items()})
            for name, p in first_places(run.space, architecture).items()]
    overhead = {metric: share["overhead"] for metric, share in shares.items() if "overhead" in share}
    return (*rows, Layer(place="overhead", candidate="", input_shape=(), predicted=overhead))


def first_places(space: Space, architecture: Architecture) -> dict[str, Part]:
    """The executed parts by their choice, or by their place where there is nothing to choose."""
    found: dict[str, Part] = {}
    for part in space.parts:
        if part.choice is None or architecture[part.choice] == part.candidate:
            found.setdefault(part.choice or part.place, part)
    return found
