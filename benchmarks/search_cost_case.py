"""Memory and time of one strategy's search step, or of a single network's training step, in this process.

Run by search_cost.py, a process for each case. The candidates of a choice are alike, so that a step costs the same
whichever are sampled. Memory is what the peak resident size (getrusage) grows by after the imports and a first
convolution: weights, gradients, optimiser and feature maps. Prints one JSON object.
"""

from __future__ import annotations

import json
import resource
import statistics
import time
from collections import OrderedDict
from collections.abc import Callable

import click
import torch
from torch import Tensor, nn
from torch.nn import functional

from edgenas.search.multiplier import Multipliers, allowed
from edgenas.search.parameters import ArchitectureParameters
from edgenas.search.state import SearchState
from edgenas.search.strategy import load_strategy
from edgenas.space import Choice, Space
from edgenas.space.operators import ConvBN, Head, MBConv
from edgenas.train.fabric import new_fabric, sgd, to_device

Batch = tuple[Tensor, Tensor]
Step = Callable[[Batch, Batch], None]

CLASSES = 10
PROGRESS = 0.6  # past any warm-up
WARM_UP = 2  # steps


def network(candidates: int, blocks: int, channels: int) -> nn.Module:
    """A stem, blocks at its resolution, a head; with one candidate no choices."""
    def block() -> nn.Module:
        made = [MBConv(channels, channels, 3, 3) for _ in range(candidates)]
        return Choice({f"c{i}": candidate for i, candidate in enumerate(made)}) if candidates > 1 else made[0]

    made = nn.Sequential(*(block() for _ in range(blocks)))
    return nn.Sequential(OrderedDict(stem=ConvBN(3, channels, 3), blocks=made,
                                     head=Head(channels, 4 * channels, CLASSES)))


def single(made: nn.Module) -> Step:
    """A training step of a network without choices."""
    optimizer = sgd(made, 0.01, 1e-4)

    def step(batch: Batch, held: Batch) -> None:
        optimizer.zero_grad()
        functional.cross_entropy(made(batch[0]), batch[1]).backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return step


def searching(name: str, space: Space, made: nn.Module) -> Step:
    """A step of the strategy as the search makes it, without budgets; the second batch is the held-out one."""
    strategy, fabric = load_strategy(name), new_fabric("cpu")
    parameters = ArchitectureParameters(space.choices, allowed(space.choices, {}, []), strategy.link,
                                        strategy.more(space))
    wrapped, optimizer = fabric.setup(made, sgd(made, 0.01, 1e-4))
    state = SearchState(fabric, wrapped, parameters, Multipliers(space.choices, {}, []), optimizer,
                        torch.optim.Adam(parameters.parameters(), 1e-3, betas=(strategy.momentum, 0.999)),
                        torch.Generator().manual_seed(0))

    def step(batch: Batch, held: Batch) -> None:
        strategy.step(state, batch, held if strategy.architecture_share else None, PROGRESS)

    return step


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@click.command()
@click.argument("name")
@click.argument("candidates", type=int)
@click.option("--batch", default=64)
@click.option("--side", default=32)
@click.option("--channels", default=16)
@click.option("--blocks", default=6)
@click.option("--steps", default=5)
@click.option("--threads", default=1)
def main(name: str, candidates: int, batch: int, side: int, channels: int, blocks: int, steps: int,
         threads: int) -> None:
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    fabric = new_fabric("cpu")
    batches = [(to_device(torch.randn(batch, 3, side, side), fabric), torch.randint(CLASSES, (batch,)))
               for _ in range(2)]
    warm = ConvBN(3, 4, 3)
    warm(batches[0][0][:2]).sum().backward()
    before = peak_mib()
    made = network(candidates, blocks, channels).to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    step = single(made) if candidates == 1 else searching(
        name, Space("cost", lambda shape, classes: network(candidates, blocks, channels), (3, side, side), CLASSES),
        made)
    seconds = []
    for _ in range(WARM_UP + steps):
        started = time.perf_counter()
        step(batches[0], batches[1])
        seconds.append(time.perf_counter() - started)
    print(json.dumps({"memory_mib": peak_mib() - before, "step_ms": 1000 * statistics.median(seconds[WARM_UP:])}))


if __name__ == "__main__":
    main()
