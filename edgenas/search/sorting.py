"""Differentiable sorting: relaxed permutation matrices, a relaxed top-k, and what both are good for.

A relaxed permutation matrix (…, n, n) belongs to scores (…, n): row i says which score is the i-th largest. Rows sum to
1; as the temperature goes to 0 it becomes the permutation matrix that sorts the scores in descending order.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from edgenas.search.relaxation import Paths, Relaxation, gumbel
from edgenas.search.topology import EdgeScores


def neural_sort(scores: Tensor, temperature: float) -> Tensor:
    """Row i: softmax(((n + 1 − 2i) s − A 1) / τ), A_jk = |s_j − s_k| (NeuralSort, Grover et al., ICLR 2019,
    arXiv:1903.08850, with a softmax for its argmax). The scores must be finite."""
    n = scores.shape[-1]
    factors = torch.arange(n - 1, -n, -2, dtype=scores.dtype, device=scores.device)  # n + 1 − 2i for i from 1
    distances = (scores[..., :, None] - scores[..., None, :]).abs().sum(-1)
    rows = factors[:, None] * scores[..., None, :] - distances[..., None, :]
    return torch.softmax(rows / temperature, dim=-1)


def soft_sort(scores: Tensor, temperature: float, rows: int | None = None) -> Tensor:
    """Row i: softmax(−|s_[i] − s| / τ), s_[i] the i-th largest (SoftSort, Prillo and Eisenschlos, ICML 2020,
    arXiv:2006.16038, section 3, with the absolute distance).

    rows: only so many, the first. Scores of -inf are never picked; where there are fewer others than rows, the largest
    takes their rows as well.
    """
    ordered = scores.topk(scores.shape[-1] if rows is None else rows, dim=-1).values
    ordered = torch.where(torch.isfinite(ordered), ordered, ordered[..., :1])
    return torch.softmax(-(ordered[..., :, None] - scores[..., None, :]).abs() / temperature, dim=-1)


def top_k(permutation: Tensor, k: int) -> Tensor:
    """(…, n): how much each score is among the k largest; they sum to k. The sum of a permutation's first k rows."""
    return permutation[..., :k, :].sum(-2)


def ranking_loss(scores: Tensor, targets: Tensor, temperature: float) -> Tensor:
    """Mean cross-entropy of the relaxed order of `scores` (…, n) with the true order of `targets` (…, n).

    As Grover et al., arXiv:1903.08850, learn to sort, on SoftSort's matrix. It is least where the scores are ordered as
    the targets are, whatever their values.
    """
    order = targets.argsort(dim=-1, descending=True)
    matrix = soft_sort(scores, temperature)
    picked = matrix.gather(-1, order[..., None])[..., 0]
    return -picked.clamp_min(torch.finfo(picked.dtype).tiny).log().mean()


@dataclass(frozen=True)
class SoftTopK(Relaxation):
    """The relaxed k largest of the Gumbel-perturbed logits, at equal shares of the weight.

    As the temperature goes to 0, k candidates drawn from softmax(logits) without replacement get 1/k each. With k = 1
    this is the Gumbel-softmax, value and gradient: |s_[1] − s| = s_[1] − s, and a softmax ignores what is added to all.
    """

    temperature: float
    k: int

    def sample(self, logits: Tensor, generator: torch.Generator) -> Paths:
        k = min(self.k, logits.shape[1])
        matrix = soft_sort(logits + gumbel(logits, generator), self.temperature, k)
        return Paths(top_k(matrix, k) / k, torch.arange(logits.shape[1]).expand(logits.shape))


@dataclass(frozen=True)
class SoftEdges(Relaxation):
    """Of the edges into a node the relaxed k largest by their Gumbel-perturbed scores, k as its topology says; on each
    the Gumbel-softmax of its operators.

    The weights of a node's edges sum to k; as the temperature goes to 0, k of them get 1 each, and one operator all of
    its edge's. prices: (choices, candidates), what the budgets take from the logits.
    """

    temperature: float
    topology: EdgeScores
    values: Tensor
    prices: Tensor
    mask: Tensor

    def sample(self, logits: Tensor, generator: torch.Generator) -> Paths:
        kept = self.topology.operators(self.values, self.mask)
        noisy = kept - self.prices + gumbel(kept, generator)
        weights = torch.softmax(noisy / self.temperature, 1)
        edges = self.topology.scores - self.topology.priced(kept, self.prices)
        chosen = self._chosen(edges + gumbel(edges, generator))
        return Paths(weights * chosen[:, None], torch.arange(logits.shape[1]).expand(logits.shape))

    def _chosen(self, scores: Tensor) -> Tensor:
        """(choices,): how much each edge is among the largest of its node; 1 for a choice that is no edge."""
        into, exists, kept = self.topology.into, self.topology.edges, self.topology.kept
        found = torch.ones_like(scores)
        for node, there, k in zip(into, exists, kept.tolist(), strict=True):
            largest = top_k(soft_sort(scores[node[there]], self.temperature), k)
            found = found.index_put((node[there],), largest)
        return found
