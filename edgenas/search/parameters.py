"""Architecture parameters: one logit per candidate of each choice."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn


class ArchitectureParameters(nn.Module):
    """`values` (choices, most candidates) are learned; `mask` says which candidates exist and are allowed.

    All candidates start equally likely. link: the learned values as logits; None where they are the logits. baseline:
    moving average of the rewards where the architecture learns from rewards (score_function.py); no number before the
    first. more: what a strategy learns or remembers besides.
    """

    mask: Tensor
    baseline: Tensor

    def __init__(self, choices: Mapping[str, tuple[str, ...]], mask: Tensor,
                 link: Callable[[Tensor], Tensor] | None = None, more: nn.Module | None = None) -> None:
        super().__init__()
        self.choices, self.link, self.more = dict(choices), link, more
        self.values = nn.Parameter(torch.zeros(mask.shape))
        self.register_buffer("mask", mask)
        self.register_buffer("baseline", torch.tensor(torch.nan))

    @property
    def logits(self) -> Tensor:
        logits = self.values if self.link is None else self.link(self.values)
        return logits.masked_fill(~self.mask, -torch.inf)

    @torch.no_grad()
    def scores(self, logits: Tensor | None = None) -> dict[str, dict[str, float]]:
        """Log-probability of every allowed candidate, for decoding; by its logits or by those given."""
        table = torch.log_softmax(self.logits if logits is None else logits, dim=1).tolist()
        return {choice: {name: row[i] for i, name in enumerate(names) if row[i] > -torch.inf}
                for (choice, names), row in zip(self.choices.items(), table, strict=True)}


@torch.no_grad()
def entropy(probabilities: Tensor, mask: Tensor) -> float:
    """Mean entropy of the rows as a share of its largest value, that of the allowed candidates: 1 even, 0 decided."""
    nats = -(probabilities * probabilities.clamp_min(1e-12).log()).sum(1)
    return float((nats / mask.sum(1).clamp_min(2).log()).mean())
