import copy
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from edgenas.cost.exact import exact_model
from edgenas.cost.model import blocks_of, networks
from edgenas.cost.network import trace
from edgenas.errors import UsageError, UserCodeError
from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.space import Architecture, choices_of
from edgenas.space.elastic import ABSENT, Elastic, space_of
from edgenas.space.traced.apart import steps_of, take_apart
from edgenas.space.traced.slicing import positions

from .user_networks import BUILDERS, Basic, conv_bn, made, random_network, seen

SHAPE = (3, 16, 16)


def images(count: int = 2, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, *SHAPE, generator=torch.Generator().manual_seed(seed))


def apart(name: str) -> Elastic:
    return take_apart(made(name), images(), name)


def drawn(elastic: Elastic, generator: torch.Generator, *, absent: bool = True) -> Architecture:
    def one(names: tuple[str, ...]) -> str:
        return names[int(torch.randint(len(names), (), generator=generator))]

    return Architecture({block.name: one(block.candidates if absent else tuple(block.sizes))
                         for block in elastic.blocks})


def zeroed(network: nn.Module, elastic: Elastic, architecture: Architecture) -> nn.Module:
    """The user's own network, in which what reads a group reads nothing of the channels that were cut."""
    network = copy.deepcopy(network)
    for block in elastic.blocks:
        kept = elastic.kept(block.sizes[architecture[block.name]])
        for path, layer in elastic.groups.layers.items():
            if layer.kind in ("conv", "linear") and any(span.group in kept for span in layer.reads):
                weight = network.get_parameter(f"{path}.weight")
                gone = torch.ones(weight.shape[1], dtype=torch.bool)
                gone[positions(layer.reads, kept)] = False
                with torch.no_grad():
                    weight[:, gone] = 0.0
    return network


@pytest.mark.parametrize("name", BUILDERS)
def test_the_given_network_is_in_the_space_bit_for_bit(name: str) -> None:
    elastic, x = apart(name), images(3, seed=1)
    whole = {block.name: block.candidates[0] for block in elastic.blocks}
    assert torch.equal(elastic.build(whole).eval()(x), made(name)(x))


@pytest.mark.parametrize("name", BUILDERS)
def test_cut_channels_are_the_same_as_zeroed_ones(name: str) -> None:
    elastic, x, generator = apart(name), images(3, seed=1), torch.Generator().manual_seed(0)
    for group, size in elastic.groups.size.items():
        elastic.order[group] = torch.randperm(size, generator=generator)  # type: ignore[index]
    for _ in range(4):
        architecture = drawn(elastic, generator, absent=False)
        expected = zeroed(made(name), elastic, architecture)(x)
        assert torch.allclose(elastic.build(architecture).eval()(x), expected, atol=1e-5)


@pytest.mark.parametrize("seed", range(6))
def test_so_it_is_in_networks_of_pieces_as_they_come(seed: int) -> None:
    torch.manual_seed(seed)
    network, x, generator = seen(random_network(seed)), images(3, seed=1), torch.Generator().manual_seed(seed)
    elastic = take_apart(network, images(), "net.py:build")
    assert not [frozen for frozen in elastic.fixed if frozen.why.startswith("cut, ")]
    architecture = drawn(elastic, generator, absent=False)
    assert torch.allclose(elastic.build(architecture).eval()(x), zeroed(network, elastic, architecture)(x), atol=1e-4)


@pytest.mark.parametrize("name", ["resnet", "efficientnet", "vgg"])
def test_their_files_compute_what_pytorch_computes(name: str, tmp_path: Path) -> None:
    elastic = apart(name)
    network, x = elastic.build(drawn(elastic, torch.Generator().manual_seed(2))).eval(), images(1)
    exporter("onnx").export([Export(network, x, tmp_path / "net.onnx")])
    session = pytest.importorskip("onnxruntime").InferenceSession(str(tmp_path / "net.onnx"))
    (found,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    assert torch.allclose(network(x), torch.from_numpy(found), atol=1e-5)


@pytest.mark.parametrize("name", BUILDERS)
def test_networks_of_the_space_need_nothing_of_edgenas_and_train(name: str) -> None:
    elastic, generator = apart(name), torch.Generator().manual_seed(1)
    network = elastic.build(drawn(elastic, generator)).train()
    network(images(4)).sum().backward()
    assert not [m for m in network.modules() if type(m).__module__.startswith("edgenas")]
    assert all(p.grad is not None for p in network.parameters())


def test_what_varies_in_networks_as_people_write_them() -> None:
    assert {b.name: b.candidates for b in apart("resnet").blocks} == {
        "features.1": ("w8", "w4", ABSENT), "features.2": ("w8", "w4", ABSENT),
        "features.3": ("w16", "w12", "w8", "w4"), "features.4": ("w16", "w12", "w8", "w4", ABSENT)}
    assert [b.name for b in apart("mobilenet").blocks if b.absent] == ["features.3.conv", "features.4.conv"]
    assert [b.name for b in apart("vgg").blocks] == ["features.0.0", "features.3.0", "classifier"]
    assert all(len(sizes) == 2 for sizes in apart("bottlenecks").blocks[0].sizes.values())
    assert [b.name for b in apart("convnext").blocks] == ["features.1", "features.2"]
    assert [b.name for b in apart("shuffle").blocks] == ["last.0"]


def test_what_cannot_vary_is_told_with_the_reason_and_the_line() -> None:
    whys = {frozen.layers: frozen.why for name in ("resnext", "shuffle", "convnext", "vgg")
            for frozen in apart(name).fixed}
    assert whys["features.1.conv1"].startswith("features.1.conv2 has 4 groups of channels (user_networks.py:")
    assert whys["stem.0"].startswith("chunk divides its channels (user_networks.py:")
    assert "features.1.norm normalises over the channels" in whys["features.0, features.1.down, features.2.down"]
    assert "that of features.0.0 is searched" in whys["features.1.0"]
    assert whys["classifier.1"] == "the classes"


def test_a_removed_block_is_as_if_its_branch_gave_nothing() -> None:
    elastic, network, x = apart("resnet"), made("resnet"), images(3, seed=1)
    norm = network.features[2].bn2  # type: ignore[index,union-attr]
    for tensor in (norm.weight, norm.bias):  # type: ignore[union-attr]
        nn.init.zeros_(tensor)  # type: ignore[arg-type]
    picked = {block.name: block.candidates[0] for block in elastic.blocks} | {"features.2": ABSENT}
    assert torch.allclose(elastic.build(picked).eval()(x), network(x), atol=1e-6)


def test_the_most_important_channels_are_kept_in_their_order() -> None:
    elastic, network = apart("resnet"), made("resnet")
    (group,) = elastic.blocks[0].segment.groups
    elastic.order[group] = torch.tensor([5, 2, 7, 0, 1, 3, 4, 6])  # type: ignore[index]
    small = elastic.candidate(elastic.blocks[0], "w4")
    assert torch.equal(small.conv1.weight, network.features[1].conv1.weight[[0, 2, 5, 7]])  # type: ignore[index,union-attr,operator,arg-type]
    assert torch.equal(small.bn1.running_mean, network.features[1].bn1.running_mean[[0, 2, 5, 7]])  # type: ignore[index,union-attr,operator,arg-type]


def test_it_is_a_space_whose_costs_are_those_of_its_parts() -> None:
    elastic = apart("mobilenet")
    space = space_of(elastic, "net.py:build", SHAPE, 5)
    model, generator = exact_model(space, "macs"), torch.Generator().manual_seed(0)
    for _ in range(5):
        architecture = space.random(generator)
        network = trace(space.build(architecture), SHAPE)
        assert model.predict(architecture) == network.macs
        assert blocks_of(space, architecture)
    assert set(space.choices) == {c.name for c in choices_of(space.supernet()).values()}
    assert max(n.macs for n in networks(space).values() if n) > 0


def test_blocks_of_one_structure_are_measured_once() -> None:
    space = space_of(apart("mobilenet"), "x", SHAPE, 5)
    both = [[networks(space)[part.place, part.candidate] for part in space.parts
             if part.choice == f"features.{i}.conv" and part.candidate != ABSENT] for i in (3, 4)]
    assert both[0] and [n and n.signature for n in both[0]] == [n and n.signature for n in both[1]]


SIZES = {"size": lambda x: x.size(0), "item": lambda x: x.size()[0], "shape": lambda x: x.shape[0]}


@pytest.mark.parametrize("asked", SIZES)
def test_the_number_of_images_asked_at_the_beginning_keeps_no_block_from_varying(asked: str) -> None:
    class Early(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.blocks, self.head = nn.Sequential(conv_bn(3, 16), Basic(16, 16), Basic(16, 16)), nn.Linear(16, 5)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            count = SIZES[asked](x)
            return self.head(F.adaptive_avg_pool2d(self.blocks(x), 1).view(count, -1))

    network = Early().eval()
    elastic, x = take_apart(network, images(), "early"), images(3, seed=1)
    assert [block.absent is not None for block in elastic.blocks] == [True, True]
    whole = {block.name: block.candidates[0] for block in elastic.blocks}
    assert torch.equal(elastic.build(whole).eval()(x), network(x))


@pytest.mark.parametrize(("channels", "sizes"), [
    (8, [8, 4]), (16, [16, 12, 8, 4]), (96, [96, 88, 72, 64, 48, 40, 24, 16]),
    (192, [192, 176, 144, 128, 96, 80, 48, 32])])
def test_sizes_are_what_vector_units_like(channels: int, sizes: list[int]) -> None:
    found = steps_of(channels)
    assert found[0] == channels and all(size % 4 == 0 for size in found[1:]) and len(found) <= 8
    assert len(found) == len(sizes)


class Branching(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 8, 3), nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)
        if x.mean() > 0:
            x = x * 2
        return self.fc(x.mean((2, 3)))


class Random(Branching):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(F.dropout(F.relu(self.conv(x)).mean((2, 3))))


class Narrow(Branching):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3), nn.Linear(4, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(F.relu(self.conv(x)).mean((2, 3)))


def test_control_flow_on_data_is_refused_with_its_line() -> None:
    with pytest.raises(UserCodeError, match=r"net\.py:build cannot be followed: .*test_elastic.*if x\.mean\(\) > 0"):
        take_apart(Branching().eval(), images(), "net.py:build")


def test_a_network_that_is_random_is_refused() -> None:
    with pytest.raises(UsageError, match="two passes of the same image different outputs"):
        take_apart(Random().eval(), images(), "net.py:build")


def test_a_network_in_which_nothing_can_vary_is_refused_with_the_reason() -> None:
    with pytest.raises(UsageError, match=r"nothing can vary in net\.py:build: conv: it is too narrow to be cut"):
        take_apart(Narrow().eval(), images(), "net.py:build")


class WrongView(nn.Module):
    """Its hidden channels stand in the code as a figure."""

    def __init__(self) -> None:
        super().__init__()
        self.block = Basic(3, 16)
        self.up, self.down, self.fc = nn.Conv2d(16, 32, 1), nn.Conv2d(32, 16, 1), nn.Linear(16, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.block(x)
        x = self.down(F.relu(self.up(x)).view(x.size(0), 32, 16, 16))
        return self.fc(x.mean((2, 3)))


def test_a_group_that_fails_when_it_is_cut_is_frozen_with_the_reason() -> None:
    elastic = take_apart(WrongView().eval(), images(), "net.py:build")
    assert "up" not in {b.name for b in elastic.blocks}
    assert next(f.why for f in elastic.fixed if f.layers == "up").startswith("cut, it fails: ")
