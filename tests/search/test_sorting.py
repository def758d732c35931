from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare
from torch import Tensor

from edgenas.search.relaxation import GumbelSoftmax, gumbel
from edgenas.search.sorting import SoftTopK, neural_sort, ranking_loss, soft_sort, top_k

from .toy import batch, calls, colours, stack_space, state_of, table

Sort = Callable[[Tensor, float], Tensor]
SORTS: list[Sort] = [neural_sort, soft_sort]
LOGITS = torch.tensor([[0.3, -0.5, 1.2, 0.0], [0.0, 2.0, -1.0, -torch.inf], [-torch.inf, 0.0, -torch.inf, -torch.inf]])


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def scattered(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.float64)


@pytest.mark.parametrize("sort", SORTS)
@given(values=st.lists(st.integers(-50, 50), min_size=1, max_size=7, unique=True), temperature=st.floats(0.05, 20))
def test_rows_sum_to_one_and_their_largest_entries_are_the_sorted_order(
        sort: Sort, values: list[int], temperature: float) -> None:
    scores = torch.tensor(values, dtype=torch.float64) / 10
    matrix = sort(scores, temperature)
    torch.testing.assert_close(matrix.sum(-1), torch.ones(len(values), dtype=torch.float64))
    assert (matrix >= 0).all()
    order = scores.argsort(descending=True)
    assert (matrix.gather(1, order[:, None])[:, 0] >= matrix.amax(1) - 1e-12).all()


@pytest.mark.parametrize("sort", SORTS)
def test_a_cold_matrix_is_the_permutation_that_sorts(sort: Sort) -> None:
    scores = scattered(1, 5, 6)
    matrix = sort(scores, 1e-4)
    order = scores.argsort(-1, descending=True)
    torch.testing.assert_close(matrix, torch.nn.functional.one_hot(order, 6).double(), atol=1e-6, rtol=0)
    torch.testing.assert_close((matrix @ scores[..., None])[..., 0], scores.sort(-1, descending=True).values)


def test_the_matrices_are_those_of_their_formulas() -> None:
    s, tau, n = scattered(2, 4), 0.7, 4
    distances = torch.tensor([[abs(float(a - b)) for b in s] for a in s], dtype=torch.float64)
    ordered = sorted(s.tolist(), reverse=True)
    for i in range(1, n + 1):
        row = torch.softmax(((n + 1 - 2 * i) * s - distances @ torch.ones(n, dtype=torch.float64)) / tau, 0)
        torch.testing.assert_close(neural_sort(s, tau)[i - 1], row)
        torch.testing.assert_close(soft_sort(s, tau)[i - 1], torch.softmax(-(ordered[i - 1] - s).abs() / tau, 0))


@pytest.mark.parametrize("sort", SORTS)
def test_the_gradient_is_that_of_finite_differences(sort: Sort) -> None:
    scores, slopes = scattered(3, 2, 5).requires_grad_(), scattered(4, 2, 5, 5)
    assert torch.autograd.gradcheck(lambda s: (sort(s, 0.8) * slopes).sum(), (scores,))


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("k", [1, 2, 5])
def test_the_top_k_sums_to_k_and_is_the_k_largest_when_cold(sort: Sort, k: int) -> None:
    scores = scattered(5, 3, 5)
    torch.testing.assert_close(top_k(sort(scores, 2.0), k).sum(-1), torch.full((3,), float(k), dtype=torch.float64))
    cold = torch.zeros(3, 5, dtype=torch.float64).scatter(-1, scores.topk(k).indices, 1.0)
    torch.testing.assert_close(top_k(sort(scores, 1e-4), k), cold, atol=1e-6, rtol=0)


def test_the_first_rows_alone_are_those_of_the_whole() -> None:
    scores = scattered(6, 3, 5)
    torch.testing.assert_close(soft_sort(scores, 0.5, 2), soft_sort(scores, 0.5)[:, :2])


def test_the_ranking_loss_is_least_in_the_right_order_and_leads_to_it() -> None:
    targets = torch.tensor([30.0, 10.0, 20.0, 0.0])
    right, wrong = torch.tensor([3.0, 1.0, 2.0, 0.0]), torch.tensor([0.0, 1.0, 2.0, 3.0])
    assert ranking_loss(right, targets, 0.1) < 1e-3 < ranking_loss(right, targets, 1.0)
    assert ranking_loss(right, targets, 1.0) < ranking_loss(wrong, targets, 1.0)
    assert ranking_loss(100 * wrong, targets, 0.1).isfinite()
    learned = wrong.clone().requires_grad_()
    optimizer = torch.optim.Adam([learned], 0.1)
    for _ in range(200):
        optimizer.zero_grad()
        ranking_loss(learned, targets, 1.0).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert learned.argsort().tolist() == targets.argsort().tolist()


@pytest.mark.parametrize("k", [1, 2, 4, 9])
def test_path_weights_sum_to_one_and_what_does_not_exist_gets_none(k: int) -> None:
    for seed in range(20):
        for temperature in (5.0, 0.01):
            paths = SoftTopK(temperature, k).sample(LOGITS, seeded(seed))
            torch.testing.assert_close(paths.weights.sum(1), torch.ones(3))
            assert (paths.weights[torch.isinf(LOGITS)] == 0).all()
            assert paths.active.tolist() == [[0, 1, 2, 3]] * 3


@pytest.mark.parametrize("k", [1, 2, 4])
def test_gradients_are_finite_and_none_reaches_what_does_not_exist(k: int) -> None:
    values = torch.zeros(3, 4, requires_grad=True)
    missing = torch.isinf(LOGITS)
    total = torch.zeros(3, 4)
    for seed in range(10):
        weights = SoftTopK(1.0, k).sample(values.masked_fill(missing, -torch.inf), seeded(seed)).weights
        total += torch.autograd.grad((weights * torch.randn(3, 4, generator=seeded(seed))).sum(), values)[0]
    assert total.isfinite().all()
    assert (total[missing] == 0).all()
    assert (total[0] != 0).all()


def test_the_top_one_is_the_gumbel_softmax_in_value_and_gradient() -> None:
    slopes = torch.randn(3, 4, generator=seeded(3))
    found = []
    for relaxation in (SoftTopK(0.7, 1), GumbelSoftmax(0.7)):
        values = LOGITS.clone().requires_grad_()
        weights = relaxation.sample(values, seeded(4)).weights
        found.append((weights.detach(), torch.autograd.grad((weights * slopes).sum(), values)[0]))
    torch.testing.assert_close(found[0][0], found[1][0])
    torch.testing.assert_close(found[0][1], found[1][1], atol=1e-6, rtol=1e-4)


def test_a_cold_top_two_is_two_candidates_drawn_without_replacement_at_equal_shares() -> None:
    weights = SoftTopK(1e-5, 2).sample(LOGITS[0].expand(6000, 4), seeded(1)).weights
    halves = (weights - 0.5).abs() < 1e-3
    assert (halves.sum(1) == 2).float().mean() > 0.99
    p = torch.softmax(LOGITS[0], 0).double()
    pairs = [(i, j) for i in range(4) for j in range(i + 1, 4)]
    counts = [int((halves[:, i] & halves[:, j] & (halves.sum(1) == 2)).sum()) for i, j in pairs]
    expected = torch.stack([p[i] * p[j] * (1 / (1 - p[i]) + 1 / (1 - p[j])) for i, j in pairs])
    assert chisquare(counts, (expected / expected.sum() * sum(counts)).tolist()).pvalue > 1e-3
    drawn = (LOGITS[0] + gumbel(LOGITS[0].expand(6000, 4), seeded(1))).topk(2, 1).indices
    assert (weights.gather(1, drawn) > 0.49).float().mean() > 0.99


def test_an_option_beyond_the_candidates_takes_them_all() -> None:
    ours = state_of(stack_space(), [table()], [5.0])
    ours.route(SoftTopK(1e-4, 9))
    ours.loss(batch(colours(48)))
    assert calls(ours) == [[1] * 3, [1] * 4, [1] * 3]
