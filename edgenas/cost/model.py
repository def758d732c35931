"""Predicts the cost of any architecture of a space from the costs of its parts."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from edgenas.cost.conformal import Interval
from edgenas.cost.metrics import metric_of
from edgenas.cost.network import Network, trace
from edgenas.errors import ProfileError
from edgenas.space.architecture import Architecture
from edgenas.space.solver import Row, best
from edgenas.space.space import Space
from edgenas.space.structure import structure


@dataclass(frozen=True)
class CostModel:
    """The cost of a network: `fixed` combined with one entry of `table` per choice.

    metric: its name says the unit. combine: "sum" (then fixed + the entries) or "max". margin: relative allowance
    for the model's own error: a network predicted at `limit / (1 + margin)` is expected to hold `limit`. bias: added
    to every prediction, learned when an exported network was measured. exact: whether predictions are the truth.
    fixed_parts: what each fixed part adds to `fixed`, the rest of which is overhead. band: how far the truth lies
    around predictions, None where that is not known. doubt: what to add to the band on either side, in the metric's
    unit, for each candidate whose cost was itself predicted rather than measured; fixed_doubt for the fixed parts.
    rows: what the space asks of architectures, whatever they cost. added: what candidates add to a maximum, whatever is
    the largest; 0 where there is none.
    """

    metric: str
    combine: str
    fixed: float
    table: Mapping[str, Mapping[str, float]]
    margin: float = 0.0
    bias: float = 0.0
    exact: bool = False
    fixed_parts: Mapping[str, float] = field(default_factory=dict)
    band: Interval | None = None
    doubt: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    fixed_doubt: float = 0.0
    rows: tuple[Row, ...] = ()
    added: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def predict(self, architecture: Architecture) -> float:
        entries = [self.table[choice][candidate] for choice, candidate in architecture.items()]
        total = sum(entries, self.fixed) if self.combine == "sum" else max([self.fixed, *entries])
        return total + self.bias + sum(self.added[choice][picked] for choice, picked in architecture.items()
                                       if choice in self.added)

    def interval(self, architecture: Architecture) -> tuple[float, float]:
        """Where the cost of a network lies in nine cases of ten; latency.py says when that holds.

        Raises: ProfileError where too few networks were measured to tell.
        """
        value = self.predict(architecture)
        if self.exact:
            return value, value
        if self.band is None:
            raise ProfileError(f"no interval of {self.metric} is known: too few whole networks were measured",
                               "edgenas profile, for the same device and space")
        wider = self.fixed_doubt + sum(self.doubt.get(c, {}).get(name, 0.0) for c, name in architecture.items())
        return Interval(self.band.below + wider / value, self.band.above + wider / value).of(value)

    def shares(self, architecture: Architecture) -> dict[str, float]:
        """What each place of the network adds, in the metric's unit, and "overhead" for what belongs to no place."""
        parts = dict(self.fixed_parts) | {c: self.table[c][picked] for c, picked in architecture.items()}
        if self.combine == "sum":
            parts["overhead"] = self.fixed - sum(self.fixed_parts.values()) + self.bias
        return parts

    def smallest(self) -> Architecture:
        return self._extreme(-1.0)

    def largest(self) -> Architecture:
        return self._extreme(1.0)

    def alone(self, choice: str, candidate: str) -> float:
        """What a candidate costs as if there were no other choice."""
        return self.table[choice][candidate] + self.added.get(choice, {}).get(candidate, 0.0)

    def _extreme(self, sign: float) -> Architecture:
        own = {choice: {name: sign * self.alone(choice, name) for name in costs}
               for choice, costs in self.table.items()}
        if not self.rows:
            return Architecture({choice: max(costs, key=costs.__getitem__) for choice, costs in own.items()})
        unit = max((abs(cost) for costs in own.values() for cost in costs.values()), default=1.0) or 1.0
        found = best({choice: {name: cost / unit for name, cost in costs.items()} for choice, costs in own.items()},
                     self.rows)
        assert found is not None  # Space.random found one
        return found

    @property
    def reachable(self) -> tuple[float, float]:
        """The smallest and largest cost that any architecture of the space is predicted to have."""
        return self.predict(self.smallest()), self.predict(self.largest())

    def corrected(self, architecture: Architecture, measured: float) -> CostModel:
        """The same model shifted so that it predicts what was measured for `architecture`."""
        return replace(self, bias=self.bias + measured - self.predict(architecture))

    def tensor(self, choices: Mapping[str, tuple[str, ...]]) -> Tensor:
        """The table as (choices, most candidates) float32, zero where a choice has fewer candidates."""
        widest = max(len(names) for names in choices.values())
        rows = [[self.table[c][n] for n in names] + [0.0] * (widest - len(names)) for c, names in choices.items()]
        return torch.tensor(rows)


def counted_model(space: Space, metric: str, precision: str = "fp32") -> CostModel:
    """The cost model of a metric that is the sum of what the operators say: macs, params."""
    definition = metric_of(metric)
    of = definition.of
    assert of is not None and definition.combine == "sum"
    return combined(space, metric, costs_of(space, of, precision), exact=definition.exact and space.is_additive)


def costs_of(space: Space, of: Callable[[Network, str], float],
             precision: str) -> dict[tuple[str, str | None], float]:
    """What each part costs by its operators; nothing of one that is absent."""
    return {key: 0.0 if network is None else of(network, precision) for key, network in networks(space).items()}


def combined(space: Space, metric: str, costs: Mapping[tuple[str, str | None], float], *, fixed: float = 0.0,
             margin: float = 0.0, exact: bool = False, band: Interval | None = None,
             doubts: Mapping[tuple[str, str | None], float] | None = None) -> CostModel:
    """A cost model from the costs, and their doubts, of all parts by (place, candidate); None for fixed parts."""
    combine = metric_of(metric).combine
    parts = {place: cost for (place, candidate), cost in costs.items() if candidate is None}
    total = sum(parts.values(), fixed) if combine == "sum" else max([fixed, *parts.values()])
    model = CostModel(metric, combine, total, by_choice(space, costs, sum if combine == "sum" else max), margin,
                      exact=exact, fixed_parts=parts, band=band, rows=space.rows)
    if not doubts:
        return model
    return replace(model, doubt=by_choice(space, doubts, sum),
                   fixed_doubt=sum(doubts[place, None] for place in parts))


def by_choice(space: Space, costs: Mapping[tuple[str, str | None], float],
              combine: Callable[[list[float]], float]) -> dict[str, dict[str, float]]:
    """Choice -> candidate -> what it costs at all places of the choice."""
    found: dict[str, dict[str, list[float]]] = {choice: {name: [] for name in names}
                                                for choice, names in space.choices.items()}
    for part in space.parts:
        if part.choice is not None and part.candidate is not None:
            found[part.choice][part.candidate].append(costs[part.place, part.candidate])
    return {choice: {name: combine(each) for name, each in row.items()} for choice, row in found.items()}


@functools.cache
def whole(space: Space, architecture: Architecture) -> Network:
    """The operators of a whole network. Remembered."""
    return trace(space.outline(architecture), space.input_shape)


def blocks_of(space: Space, architecture: Architecture) -> tuple[str, ...]:
    """The signatures of the parts that a network of `architecture` executes, in the order of the network."""
    return tuple(network.signature for part in space.parts
                 if (network := networks(space)[part.place, part.candidate]) is not None
                 and (part.choice is None or architecture[part.choice] == part.candidate))


@functools.cache
def networks(space: Space) -> dict[tuple[str, str | None], Network | None]:
    """The operators of every part of a space by (place, candidate), None where nothing is executed. Remembered."""
    traced: dict[Hashable, Network] = {}  # parts of one structure and one input are traced once
    found: dict[tuple[str, str | None], Network | None] = {}
    for part in space.parts:
        key = structure(part.module), part.input_shape
        if not part.is_absent and key not in traced:
            traced[key] = trace(part.module, part.input_shape)
        found[part.place, part.candidate] = None if part.is_absent else traced[key]
    return found
