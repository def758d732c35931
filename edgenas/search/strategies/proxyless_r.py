"""ProxylessNAS-R (Cai, Zhu, Han; ICLR 2019, arXiv:1812.00332, section 3.3.2), the REINFORCE-based form.

Weight steps follow one sampled path per choice, as in proxyless.py. The architecture learns from rewards: a few
sampled networks' accuracy on data that no weight step sees, less a moving average of earlier ones, times the gradient
of their log-probability (Zoph and Le, ICLR 2017, arXiv:1611.01578, section 3.2). No pass backward: a reward need not
be differentiable.

Where we differ: the latency is no part of the reward but acts through the multipliers (see multiplier.py), on the
distribution that is sampled; a penalty, if chosen instead, is charged for each sampled network. Rewards are those of
one batch, with batch norms by the batch; the warm-up trains uniformly sampled paths.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt, Lt

from edgenas.search.relaxation import SinglePath
from edgenas.search.score_function import Reward, score_function_step
from edgenas.search.state import Batch, SearchState
from edgenas.search.strategy import Strategy
from edgenas.search.update import weight_step


@dataclass(frozen=True)
class ProxylessR(Strategy):
    """samples: networks tried per architecture step. reward: their accuracy or minus their loss."""

    summary: ClassVar[str] = "single sampled paths, architecture by REINFORCE: no pass backward for it"
    paper: ClassVar[str] = "Cai et al., ICLR 2019, arXiv:1812.00332"

    momentum: ClassVar[float] = 0.0

    architecture_share: Annotated[float, Gt(0), Lt(1)] = 0.2
    warmup: Annotated[float, Ge(0), Lt(1)] = 0.25
    samples: Annotated[int, Ge(1)] = 4
    reward: Reward = "accuracy"

    def step(self, state: SearchState, batch: Batch, held: Batch | None, progress: float) -> dict[str, float]:
        warming = progress < self.warmup
        log = weight_step(state, SinglePath(uniform=warming), batch)
        if not warming:
            assert held is not None
            score_function_step(state, held, self.samples, self.reward)
        return log


STRATEGY = ProxylessR
