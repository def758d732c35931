from __future__ import annotations

from typing import cast

import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn import functional

from edgenas.data import Split, Task
from edgenas.data.augment import Augment
from edgenas.errors import Diverged
from edgenas.train.fabric import accuracy, checked, new_fabric, predict, prepared, recalibrate, sgd, to_device

MEAN, STD = (0.4, 0.5), (0.2, 0.3)


def split(count: int, seed: int = 0) -> Split:
    generator = torch.Generator().manual_seed(seed)
    return Split(torch.randint(0, 256, (count, 2, 8, 8), generator=generator).to(torch.uint8),
                 torch.randint(0, 3, (count,), generator=generator))


@pytest.fixture
def task() -> Task:
    part = split(10)
    return Task("t", "t", ("a", "b", "c"), part, part, part, MEAN, STD, 0, (), "0" * 64)


@pytest.fixture(scope="module")
def fabric() -> Fabric:
    return new_fabric("cpu")


def by_hand(images: Tensor) -> Tensor:
    return (images / 255 - torch.tensor(MEAN).view(1, 2, 1, 1)) / torch.tensor(STD).view(1, 2, 1, 1)


class Bare(Augment):
    """No change at all, which is noted."""

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        return images


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_batch_norms_and_biases_are_not_decayed() -> None:
    network = nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(3, 2))
    optimizer = sgd(network, 0.1, 0.01)
    decay = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    assert {name: decay[id(p)] for name, p in network.named_parameters()} == {
        "0.weight": 0.01, "0.bias": 0.0, "1.weight": 0.0, "1.bias": 0.0, "3.weight": 0.01, "3.bias": 0.0}
    assert all((g["lr"], g["momentum"], g["nesterov"]) == (0.1, 0.9, True) for g in optimizer.param_groups)


def test_prepared_batches_are_shuffled_normalised_and_of_one_size(task: Task, fabric: Fabric) -> None:
    part = split(10)
    found = list(prepared(part, 4, seeded(), seeded(), task, Bare(), fabric))
    assert [len(labels) for _, labels in found] == [4, 4]
    order = torch.randperm(10, generator=seeded())
    assert order.tolist() != list(range(10))
    for i, (images, labels) in enumerate(found):
        rows = order[4 * i:4 * i + 4]
        torch.testing.assert_close(images.contiguous(), by_hand(part.images[rows]))
        assert torch.equal(labels, part.labels[rows])


def test_prepared_batches_are_augmented_by_the_noise_alone(task: Task, fabric: Fabric) -> None:
    part = split(8)

    def first(noise: int) -> Tensor:
        return next(iter(prepared(part, 8, seeded(), seeded(noise), task, Augment(shift=2), fabric)))[0]

    plain = next(iter(prepared(part, 8, seeded(), seeded(), task, Bare(), fabric)))[0]
    assert torch.equal(first(1), first(1))
    assert not torch.equal(first(1), first(2))
    assert not torch.equal(first(1), plain)


def test_prepared_gives_a_small_part_whole_an_empty_one_not_at_all_and_any_forever(
        task: Task, fabric: Fabric) -> None:
    assert [len(labels) for _, labels in prepared(split(3), 8, seeded(), seeded(), task, Bare(), fabric)] == [3]
    empty = Split(split(3).images[:0], split(3).labels[:0])
    assert list(prepared(empty, 8, seeded(), seeded(), task, Bare(), fabric, forever=True)) == []
    endless = prepared(split(4), 2, seeded(), seeded(), task, Bare(), fabric, forever=True)
    drawn = [next(endless)[0] for _ in range(8)]
    assert len({tuple(images.flatten().tolist()) for images in drawn}) > 2  # each round in an order of its own


@pytest.mark.parametrize("channels", [1, 3])
def test_images_reach_the_device_in_channels_last(fabric: Fabric, channels: int) -> None:
    images = torch.randn(2, channels, 4, 5)
    moved = to_device(images, fabric)
    assert torch.equal(moved, images)
    assert nn.Conv2d(channels, 6, 3, padding=1)(moved).is_contiguous(memory_format=torch.channels_last)


class Order(nn.Module):
    """Remembers what it is given; its dropout would show a wrong mode."""

    def __init__(self) -> None:
        super().__init__()
        self.drop, self.sizes = nn.Dropout(0.9), cast(list[int], [])

    def forward(self, x: Tensor) -> Tensor:
        self.sizes.append(len(x))
        out: Tensor = self.drop(x.mean((2, 3)))
        return out


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_is_refused_with_the_option_to_change(value: float) -> None:
    assert checked(torch.tensor(0.25, requires_grad=True), "train.lr") == 0.25
    with pytest.raises(Diverged, match=f"training diverged: the loss is {value}") as caught:
        checked(torch.tensor(value), "train.lr")
    assert "--set train.lr=0.01" in caught.value.hint


def test_predictions_are_of_all_images_in_order_in_evaluation_mode(task: Task, fabric: Fabric) -> None:
    network, part = Order().train(), split(600)
    logits = predict(network, part, task, fabric)
    torch.testing.assert_close(logits, by_hand(part.images).mean((2, 3)))
    assert network.sizes == [256, 256, 88]
    assert not logits.requires_grad


def test_accuracy_is_the_share_of_right_predictions(task: Task, fabric: Fabric) -> None:
    part = split(30)
    guessed = by_hand(part.images).mean((2, 3)).argmax(1)
    mixed = Split(part.images, torch.where(torch.arange(30) < 12, guessed, (guessed + 1) % 3))
    assert accuracy(Order(), mixed, task, fabric) == pytest.approx(12 / 30)


def two_norms() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4, momentum=0.3), nn.ReLU(), nn.Conv2d(4, 5, 1),
                         nn.BatchNorm2d(5), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 3))


def norm(network: nn.Sequential, index: int) -> nn.BatchNorm2d:
    return cast(nn.BatchNorm2d, network[index])


def stats(x: Tensor) -> tuple[Tensor, Tensor]:
    flat = x.transpose(0, 1).flatten(1)
    return flat.mean(1), flat.var(1)


def test_recalibrated_batch_norms_have_the_datas_own_statistics(task: Task, fabric: Fabric) -> None:
    network, part = two_norms(), split(100)
    for _ in range(3):
        network(torch.randn(4, 2, 8, 8) * 9)  # what other paths left behind
    weights = {name: p.detach().clone() for name, p in network.named_parameters()}
    recalibrate(network, part, task, fabric)
    with torch.no_grad():
        x = network[0](by_hand(part.images))
        mean, var = stats(x)
        torch.testing.assert_close(norm(network, 1).running_mean, mean, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(norm(network, 1).running_var, var, rtol=1e-4, atol=1e-5)
        weight, bias = norm(network, 1).weight, norm(network, 1).bias
        x = network[3](functional.relu(functional.batch_norm(x, None, None, weight, bias, training=True)))
        mean, var = stats(x)
    torch.testing.assert_close(norm(network, 4).running_mean, mean, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(norm(network, 4).running_var, var, rtol=1e-4, atol=1e-5)
    assert (norm(network, 1).momentum, norm(network, 4).momentum) == (0.3, 0.1)
    assert not network.training
    assert all(torch.equal(p, weights[name]) for name, p in network.named_parameters())
    assert all(p.grad is None for p in network.parameters())


@pytest.mark.parametrize("count", [256, 129])
def test_every_image_counts_about_the_same_whatever_their_number(task: Task, fabric: Fabric, count: int) -> None:
    network, part = two_norms(), split(count)
    part.images[128:] = 255 - part.images[128:] // 4  # unlike the first batch
    recalibrate(network, part, task, fabric)
    with torch.no_grad():
        mean, _ = stats(network[0](by_hand(part.images)))
    torch.testing.assert_close(norm(network, 1).running_mean, mean, rtol=0.05, atol=0.02)


def test_recalibration_uses_no_more_images_than_asked(task: Task, fabric: Fabric) -> None:
    one, other, part = two_norms(), two_norms(), split(60)
    recalibrate(one, part, task, fabric, images=20)
    recalibrate(other, Split(part.images[:20], part.labels[:20]), task, fabric)
    assert all(torch.equal(a, b) for a, b in zip(one.buffers(), other.buffers(), strict=True))
