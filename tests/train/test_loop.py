from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn import functional

from edgenas.data import Split, Task, load
from edgenas.data.augment import Augment
from edgenas.errors import Diverged, RunError
from edgenas.progress import Silent
from edgenas.train import loop as module
from edgenas.train.fabric import accuracy, new_fabric
from edgenas.train.history import TrainEpoch
from edgenas.train.loop import TEMPERATURE, Best, augmentation, distillation, train
from edgenas.train.settings import TrainSettings


class Untouchable:
    """The test part of a task: looking at it in any way is an error."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(f"the test part was touched: {name}")

    def __len__(self) -> int:
        raise AssertionError("the test part was touched: its length")


@pytest.fixture(scope="module")
def task() -> Task:
    return replace(load("digits", max_images=300), test=cast(Split, Untouchable()))


@pytest.fixture(scope="module")
def fabric() -> Fabric:
    return new_fabric("cpu")


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(1, 12, 3, 2, 1), nn.BatchNorm2d(12), nn.ReLU(), nn.Conv2d(12, 24, 3, 2, 1),
                         nn.BatchNorm2d(24), nn.ReLU(), nn.Flatten(), nn.Dropout(0.1), nn.Linear(96, 10))


class Teacher(nn.Module):
    """Gives the same logits for every image."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = nn.Parameter(logits)

    def forward(self, x: Tensor) -> Tensor:
        return self.logits.expand(len(x), -1)


def run(task: Task, fabric: Fabric, folder: Path, *, net: nn.Module | None = None, epochs: int = 3, seed: int = 0,
        **options: Any) -> tuple[nn.Module, float, list[TrainEpoch]]:
    net = net or network()
    settings = TrainSettings(epochs=epochs, batch_size=32, **options.pop("settings", {}))
    validation, history = train(net, task, settings=settings, seed=seed, checkpoint=folder / "c.pt", fabric=fabric,
                                **options)
    return net, validation, history


def same(one: nn.Module, other: nn.Module) -> bool:
    a, b = one.state_dict(), other.state_dict()
    return list(a) == list(b) and all(torch.equal(a[key], b[key]) for key in a)


def losses(history: list[TrainEpoch]) -> list[tuple[float, float]]:
    return [(row.loss, row.validation) for row in history]


def test_training_learns(task: Task, fabric: Fabric, tmp_path: Path) -> None:
    before = accuracy(network(), task.validation, task, fabric)
    net, validation, history = run(task, fabric, tmp_path, epochs=8)
    assert before < 0.3
    assert validation > 0.7
    assert validation == max(row.validation for row in history)
    assert history[-1].loss < history[0].loss
    assert [set(row.to_json()) for row in history] == [{"loss", "validation", "seconds"}] * 8
    assert accuracy(net, task.validation, task, fabric) == pytest.approx(validation)
    assert not net.training
    assert {p.device.type for p in net.parameters()} == {"cpu"}


def scripted(figures: list[float], kept: list[dict[str, Tensor]]) -> Callable[..., float]:
    """Validation accuracies by script, noting the weights that each is for."""
    def measure(net: nn.Module, *_: object) -> float:
        kept.append({key: value.clone() for key, value in net.state_dict().items()})
        return figures[len(kept) - 1]
    return measure


@pytest.mark.parametrize(("figures", "best"), [([0.2, 0.9, 0.5], 1), ([0.5, 0.4, 0.5], 0), ([0.0, 0.0, 0.1], 2)])
def test_the_weights_of_the_best_epoch_are_kept_the_earliest_of_equals(
        task: Task, fabric: Fabric, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, figures: list[float],
        best: int) -> None:
    kept: list[dict[str, Tensor]] = []
    monkeypatch.setattr(module, "accuracy", scripted(figures, kept))
    net, validation, history = run(task, fabric, tmp_path)
    assert validation == figures[best]
    assert [row.validation for row in history] == figures
    assert all(torch.equal(value, kept[best][key]) for key, value in net.state_dict().items())
    assert not all(torch.equal(kept[0][key], kept[1][key]) for key in kept[0])


class Interrupting(Silent):
    def __init__(self, after: int) -> None:
        self.left, self.started = after, ("", 0, 0)

    def start(self, label: str, total: int, done: int = 0) -> None:
        self.started = (label, total, done)

    def advance(self, note: str = "") -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("figures", [None, [0.2, 0.9, 0.5, 0.6]])
def test_training_that_was_interrupted_and_resumed_ends_bit_for_bit_as_one_that_was_not(
        task: Task, fabric: Fabric, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        figures: list[float] | None) -> None:
    def script() -> None:
        if figures:
            monkeypatch.setattr(module, "accuracy", scripted(figures, []))

    script()
    whole = run(task, fabric, tmp_path / "whole", epochs=4)
    if figures:
        whole_figures, rest = figures, figures
        monkeypatch.setattr(module, "accuracy", scripted(whole_figures[:2], []))
        with pytest.raises(KeyboardInterrupt):
            run(task, fabric, tmp_path / "parts", epochs=4, progress=Interrupting(2))
        monkeypatch.setattr(module, "accuracy", scripted(rest[2:], []))
    else:
        for after in (1, 1):
            with pytest.raises(KeyboardInterrupt):
                run(task, fabric, tmp_path / "parts", epochs=4, progress=Interrupting(after))
    watched = Interrupting(0)
    torch.manual_seed(99)
    resumed = run(task, fabric, tmp_path / "parts", epochs=4, progress=watched, label="the network",
                  net=network(seed=5))
    assert watched.started == ("the network", 4, 2)
    assert resumed[1] == whole[1]
    assert losses(resumed[2]) == losses(whole[2])
    assert same(resumed[0], whole[0])


def test_a_seed_decides_the_training(task: Task, fabric: Fabric, tmp_path: Path) -> None:
    nets = [run(task, fabric, tmp_path / str(i), epochs=1, seed=seed)[0] for i, seed in enumerate((0, 0, 1))]
    assert same(nets[0], nets[1])
    assert not same(nets[0], nets[2])


def test_a_checkpoint_of_another_network_is_refused(task: Task, fabric: Fabric, tmp_path: Path) -> None:
    run(task, fabric, tmp_path, epochs=1)
    with pytest.raises(RunError, match="does not fit"):
        run(task, fabric, tmp_path, epochs=1, net=nn.Sequential(nn.Flatten(), nn.Linear(64, 10)))


def test_training_that_diverges_is_an_error_that_says_what_to_change(
        task: Task, fabric: Fabric, tmp_path: Path) -> None:
    net = network()
    with torch.no_grad():
        cast(nn.Linear, net[-1]).weight.fill_(float("inf"))
    with pytest.raises(Diverged, match="training diverged") as caught:
        run(task, fabric, tmp_path, net=net)
    assert "--set train.lr=" in caught.value.hint
    assert not (tmp_path / "c.pt").exists()


def test_the_learning_rate_follows_a_cosine(task: Task, fabric: Fabric, tmp_path: Path,
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    rates: list[float] = []
    step = torch.optim.SGD.step

    def noting(self: torch.optim.SGD, *args: Any, **options: Any) -> Any:
        rates.extend({group["lr"] for group in self.param_groups})
        return step(self, *args, **options)

    monkeypatch.setattr(torch.optim.SGD, "step", noting)
    run(task, fabric, tmp_path, epochs=2, settings={"lr": 0.2})
    steps = len(task.train) // 32
    progress = torch.arange(2 * steps) / (2 * steps)
    assert rates == pytest.approx((0.1 * (1 + torch.cos(torch.pi * progress))).tolist(), abs=1e-6)


def gradient(student: Tensor, teacher: Tensor) -> Tensor:
    logits = student.clone().requires_grad_()
    return torch.autograd.grad(distillation(logits, Teacher(teacher), torch.zeros(len(student), 1)), logits)[0]


def test_distillation_is_nought_where_the_student_is_as_its_teacher() -> None:
    logits = torch.randn(1, 5, generator=torch.Generator().manual_seed(0)).expand(4, 5)
    assert distillation(logits, Teacher(logits[0]), torch.zeros(4, 1)).item() == pytest.approx(0.0, abs=1e-6)
    torch.testing.assert_close(gradient(logits, logits[0]), torch.zeros(4, 5), atol=1e-6, rtol=0)


def test_distillation_pulls_the_student_to_its_teacher() -> None:
    """With softened outputs p and q its gradient is T (q − p) / batch: as large as that of cross-entropy."""
    student, teacher = torch.randn(2, 4, 5, generator=torch.Generator().manual_seed(1))
    p, q = torch.softmax(teacher[0] / TEMPERATURE, 0), torch.softmax(student / TEMPERATURE, 1)
    torch.testing.assert_close(gradient(student, teacher[0]), TEMPERATURE * (q - p) / 4)
    divergence = (p * (p.log() - q.log())).sum(1).mean() * TEMPERATURE**2
    torch.testing.assert_close(distillation(student, Teacher(teacher[0]), torch.zeros(4, 1)).detach(), divergence)


def test_a_teacher_teaches_and_does_not_learn(task: Task, fabric: Fabric, tmp_path: Path) -> None:
    wanted = 3
    teacher = Teacher(10 * functional.one_hot(torch.tensor(wanted), 10).float()).train()
    before = teacher.logits.detach().clone()
    plain, _, _ = run(task, fabric, tmp_path / "plain", epochs=2)
    taught, _, history = run(task, fabric, tmp_path / "taught", epochs=2, teacher=teacher, settings={"distill": 1.0})
    images = task.normalise(task.validation.images)
    with torch.no_grad():
        shares = [float((net(images).argmax(1) == wanted).float().mean()) for net in (plain, taught)]
    assert shares[0] < 0.4
    assert shares[1] == 1.0
    assert torch.equal(teacher.logits, before)
    assert teacher.logits.grad is None
    assert not teacher.training


def test_the_loss_is_the_share_of_both(task: Task, fabric: Fabric, tmp_path: Path,
                                       monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "distillation", lambda logits, teacher, images: logits.sum() * 0 + 7.0)
    monkeypatch.setattr(functional, "cross_entropy", lambda logits, labels, label_smoothing: logits.sum() * 0 + 3.0)
    teacher = Teacher(torch.zeros(10))
    for share, loss in ((0.25, 0.75 * 3 + 0.25 * 7), (1.0, 7.0)):
        history = run(task, fabric, tmp_path / str(share), epochs=1, teacher=teacher, settings={"distill": share})[2]
        assert history[0].loss == pytest.approx(loss)
    assert run(task, fabric, tmp_path / "none", epochs=1)[2][0].loss == pytest.approx(3.0)


def test_best_keeps_a_copy() -> None:
    best, net = Best(), nn.Linear(2, 2)
    best.offer(0.5, net)
    kept = net.weight.detach().clone()
    with torch.no_grad():
        net.weight.zero_()
    best.offer(0.5, net)
    assert torch.equal(best.weights["weight"], kept)
    other = Best()
    other.load_state_dict(best.state_dict())
    assert other.validation == 0.5
    assert torch.equal(other.weights["weight"], kept)


@pytest.mark.parametrize(("asked", "side"), [(None, 8), (0, 0), (5, 5)])
def test_cut_outs_are_the_images_own_unless_they_are_set(asked: int | None, side: int) -> None:
    labels = torch.zeros(4, dtype=torch.int64)
    part = Split(torch.zeros(4, 3, 32, 32, dtype=torch.uint8), labels)
    task = Task("plain", "here", ("a",), part, part, part, (0.0,) * 3, (1.0,) * 3, 0, (), "")
    found = augmentation(task, TrainSettings(cutout=asked))
    assert found == replace(Augment.for_task(task), cutout=side)
