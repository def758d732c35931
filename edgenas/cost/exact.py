"""Cost models of metrics that follow from the operators alone."""

from __future__ import annotations

from dataclasses import replace

from edgenas.cost.metrics import metric_of
from edgenas.cost.model import CostModel, combined, costs_of, counted_model, whole
from edgenas.cost.sampling import calibration_networks
from edgenas.errors import UsageError
from edgenas.space.space import Space

WAITING_NETWORKS = 8  # of which it is seen what waits in memory while parts of a cell run


def exact_model(space: Space, metric: str, precision: str = "fp32") -> CostModel:
    """The cost model of a metric that follows from the operators alone: macs, params, peak_memory_kib, flash_kib.

    `peak_memory_kib` is exact where blocks follow one another, as nothing but a block's input crosses its border. In
    cells other tensors wait: the model is then too high by the most that some networks exceed it. In mixed precision a
    block's input counts as float32, also where the block before leaves it in int8: the model is at most too high.

    Raises: UsageError for a metric that must be measured.
    """
    definition = metric_of(metric)
    of = definition.of
    if of is None:
        raise UsageError(f"{metric} must be measured on a device", "edgenas profile, for a device that tells it")
    if definition.combine == "sum":
        return counted_model(space, metric, precision)
    costs = costs_of(space, of, precision)
    if not space.graphs:
        return combined(space, metric, costs, exact=definition.exact and space.is_additive and precision != "mixed")
    model = combined(space, metric, costs)
    return replace(model, bias=max(of(whole(space, a), precision) - model.predict(a)
                                   for a in calibration_networks(space)[:WAITING_NETWORKS]))
