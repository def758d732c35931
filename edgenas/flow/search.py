"""The search phase: profile what is missing, refuse what is out of reach, search, and settle on an architecture."""

from __future__ import annotations

from collections.abc import Mapping

from edgenas.cost.missing import missing_blocks, missing_networks
from edgenas.cost.profile import Profile
from edgenas.cost.profiling import profile_space, steps
from edgenas.figure import PREDICTED
from edgenas.flow import support
from edgenas.flow.cells import cells_of, in_words
from edgenas.flow.own_phase import measure_before, note_after, prepare_own
from edgenas.flow.records import Data, Decoding, Layer, Model, Round
from edgenas.flow.selection import candidates_of, settled_on, words
from edgenas.flow.starters import worth_saying
from edgenas.flow.work import Work
from edgenas.progress import Progress
from edgenas.search.search import search
from edgenas.selection.correction import Settled, check_together
from edgenas.selection.scores import asking
from edgenas.selection.trials import Trial
from edgenas.space import Architecture, Part, Space
from edgenas.space.narrowing import narrowed
from edgenas.space.precision import in_vain
from edgenas.train.weights import save_weights

ROOMY = 0.5  # of the largest network's cost: where docs/benchmarks.md has a wider space do better


def prepare(work: Work, progress: Progress) -> None:
    """Profile what the cost models need, and check that the budgets can be reached.

    Raises: BudgetError giving the reachable range.
    """
    config = work.run.config
    if config.unsupported:
        progress.say(support.describe_dropped(config.unsupported, work.target.device.name))
    for place, target in work.targets.items():
        if target.is_profiled:
            profile_device(work, place, progress)
    if config.origin:
        measure_before(work, progress)
    for budget in work.budgets:
        low, high = work.models[budget.metric].reachable
        progress.say(f"budget {budget.metric} {budget.limit:.4g}; this space reaches from {low:.4g} to {high:.4g}")
    check_together(work.models, work.budgets)


def missing(space: Space, profile: Profile) -> int:
    """How many measurements the cost models lack."""
    return steps(profile, missing_blocks(space, profile), missing_networks(space, profile))


def profile_device(work: Work, place: str, progress: Progress) -> None:
    """Measure what the cost models of a target need, and say how good they are."""
    target, space = work.targets[place], work.space
    if target.latency_word == PREDICTED:
        model, _ = work.latency(place)
        progress.say(f"latency_ms is predicted from published latencies of {target.device.name}'s blocks; nothing is "
                     f"measured. Margin {model.margin:.1%}")
        return
    if missing(space, target.profile):
        with target.profile.writing(progress.say):
            if due := missing(space, target.profile):
                progress.start(f"profile {target.device.name} {target.runtime}", due)
                profile_space(space, target.device, target.profile, on_done=progress.advance, say=progress.say)
    for metric in filter(target.reported, target.metrics):
        margin = work.models[f"{metric}@{place}" if place else metric].margin
        progress.say(f"cost model of {metric}: margin {margin:.1%}")
    error = work.latency(place)[1] if "latency_ms" in target.metrics else None
    if error is None:
        return
    progress.say(f"cost model of latency_ms on {error.networks} held-out networks: error {error.mape:.1%} (mean "
                 f"absolute), Spearman {error.spearman:.3f}, {error.within_10:.0%} within ±10%, margin "
                 f"{error.margin:.1%}")


def search_phase(work: Work, progress: Progress) -> Architecture:
    """Find the run's architecture, whose exported file was measured within every budget.

    Raises: BudgetError when no decoded network held the budgets on the device.
    """
    run = work.run
    if (run.folder / "architecture.json").exists():
        return work.architecture
    Data.of(work.task).write(run.folder)
    if run.config.origin:
        prepare_own(work, progress)
    elif said := worth_saying(len(work.task.train), work.task.input_shape[0]):
        progress.say(said)
    prepare(work, progress)
    hint_at_wider(work, progress)
    space = worthwhile(work, progress)
    result = search(space, work.task, work.strategy, work.models, work.budgets, settings=run.config.search,
                    seed=run.config.seed, checkpoint=run.folder / "search" / "checkpoint.pt", fabric=work.fabric,
                    progress=progress)
    if work.strategy.trains_supernet:
        save_weights(run.weights("supernet"), result.supernet)
    candidates = candidates_of(work, result, progress)
    settled = settled_on(work, result, candidates, progress)
    for sentence in in_words(work.space, settled.architecture):
        progress.say(sentence)
    found = decoding(work, settled, candidates.trials)
    if work.strategy.trains_supernet:
        with asking(result.supernet, work.task, work.strategy, work.fabric) as validation:
            found = found.replaced(supernet_validation=validation(settled.architecture))
    found.write(run.folder)
    if run.config.origin:
        note_after(work, settled.architecture)
    settled.architecture.save(run.folder / "architecture.json")
    candidates.training.clear()
    return settled.architecture


def hint_at_wider(work: Work, progress: Progress) -> None:
    """Say so where a budget leaves room for a wider space, whose networks may be better ones at the same cost."""
    width = work.space.options.get("width")
    largest = {metric: model.reachable[1] for metric, model in work.models.items()}
    if isinstance(width, float) and all(budget.limit > ROOMY * largest[budget.metric] for budget in work.budgets):
        progress.say("the largest network of this space costs less than twice the budget: a wider space may hold "
                     f"better ones; --try space.width={width:g},{1.5 * width:g},{2 * width:g} compares them")


def worthwhile(work: Work, progress: Progress) -> Space:
    """The space without int8 candidates that cost no less than the same in float32, by any budget's cost model."""
    vain = in_vain(work.space.choices, [model.table for model in work.models.values()])
    if vain:
        names = [f"{choice} {name}" for choice, each in vain.items() for name in each]
        progress.say(f"not searched, as int8 is no cheaper there: {', '.join(names)}")
    return narrowed(work.space, vain)


def decoding(work: Work, settled: Settled, trials: Mapping[Architecture, Trial]) -> Decoding:
    """What is kept of the search's choice."""
    rounds = [trials[attempt.architecture].noted(made) if attempt.architecture in trials else made
              for attempt in settled.rounds for made in [Round.of(attempt, words(work))]]
    return Decoding(
        models=models(work), budgets=tuple(work.budgets), architecture=dict(settled.architecture),
        predicted={m: model.predict(settled.architecture) for m, model in work.models.items()},
        layers=layers(work, settled.architecture), cells=cells_of(work.space, settled.architecture),
        rounds=tuple(rounds))


def models(work: Work) -> dict[str, Model]:
    """By metric what is kept of the run's cost models."""
    found = {name: Model(reachable=model.reachable, margin=model.margin, exact=model.exact, provenance=work.word(name))
             for name, model in work.models.items()}
    for place, there in work.targets.items():
        name = f"latency_ms@{place}" if place else "latency_ms"
        if name in found:
            found[name] = found[name].replaced(held_out=work.latency(place)[1], profile_sha256=there.profile.digest,
                                               provenance=there.profile.header.provenance)
    return found


def layers(work: Work, architecture: Architecture) -> tuple[Layer, ...]:
    """The network's places in order, with what each adds to every metric, as predicted; those of one choice once."""
    shares = {metric: model.shares(architecture) for metric, model in work.models.items()}
    rows = [Layer(place=name, candidate=p.candidate or type(p.module).__name__, input_shape=tuple(p.input_shape),
                  predicted={metric: share[name] for metric, share in shares.items()})
            for name, p in first_places(work.space, architecture).items()]
    overhead = {metric: share["overhead"] for metric, share in shares.items() if "overhead" in share}
    return (*rows, Layer(place="overhead", candidate="", input_shape=(), predicted=overhead))


def first_places(space: Space, architecture: Architecture) -> dict[str, Part]:
    """The executed parts by their choice, or by their place where there is nothing to choose."""
    found: dict[str, Part] = {}
    for part in space.parts:
        if part.choice is None or architecture[part.choice] == part.candidate:
            found.setdefault(part.choice or part.place, part)
    return found
