"""Architecture parameters: one logit per candidate of each choice."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from edgenas.search.topology import Topology


class ArchitectureParameters(nn.Module):
    """`values` (choices, most candidates) are learned; `mask` says which candidates exist, are allowed and were not
    dropped by the strategy, `allowed` which were there in the beginning.

    All candidates start equally likely. link: the learned values as logits; None where they are the logits. baseline:
    moving average of the rewards where the architecture learns from rewards (proxyless_r.py); no number before the
    first. more: what a strategy learns or remembers besides; a topology makes its own logits of the values.
    """

    mask: Tensor
    allowed: Tensor
    baseline: Tensor

    def __init__(self, choices: Mapping[str, tuple[str, ...]], mask: Tensor,
                 link: Callable[[Tensor], Tensor] | None = None, more: nn.Module | None = None) -> None:
        super().__init__()
        self.choices, self.link, self.more = dict(choices), link, more
        self.values = nn.Parameter(torch.zeros(mask.shape))
        self.register_buffer("mask", mask.clone())
        self.register_buffer("allowed", mask)
        self.register_buffer("baseline", torch.tensor(torch.nan))

    @property
    def logits(self) -> Tensor:
        logits = self.values if self.link is None else self.link(self.values)
        if isinstance(self.more, Topology):
            logits = self.more.logits(logits, self.mask)
        return logits.masked_fill(~self.mask, -torch.inf)

    @torch.no_grad()
    def scores(self, logits: Tensor | None = None) -> dict[str, dict[str, float]]:
        """Log-probability of every candidate that was not dropped, for decoding; by its logits or by those given."""
        return self.named(torch.log_softmax(self.logits if logits is None else logits, dim=1))

    def named(self, table: Tensor) -> dict[str, dict[str, float]]:
        """(choices, candidates) as scores; -inf is none."""
        return {choice: {name: row[i] for i, name in enumerate(names) if row[i] > -torch.inf}
                for (choice, names), row in zip(self.choices.items(), table.tolist(), strict=True)}

    def completed(self, scores: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
        """The scores with those of allowed candidates that have none: so low that one of these is decoded only where
        no network of the others holds the budgets."""
        values = [value for row in scores.values() for value in row.values()]
        lowest = min(values) - (max(values) - min(values)) * len(scores) - 1.0
        return {choice: {name: scores[choice].get(name, lowest) for i, name in enumerate(names) if row[i]}
                for (choice, names), row in zip(self.choices.items(), self.allowed.tolist(), strict=True)}


@torch.no_grad()
def entropy(probabilities: Tensor, mask: Tensor) -> float:
    """Mean entropy of the rows as a share of its largest value, that of the allowed candidates: 1 even, 0 decided."""
    nats = -(probabilities * probabilities.clamp_min(1e-12).log()).sum(1)
    return float((nats / mask.sum(1).clamp_min(2).log()).mean())
