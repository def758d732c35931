"""What every exporter must do: whole files that compute what PyTorch computes, or one sentence that says why not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from edgenas.errors import ExportError, UsageError
from edgenas.export import exporter_named
from edgenas.export.base import Done, Export, Exporter
from edgenas.export.check.parity import gate, parity
from edgenas.export.check.session import open_session
from edgenas.export.package.contents import operators, sidecar_path, signature
from edgenas.flow.export import runtime_that_runs
from edgenas.flow.parity import HOST, runnable

SHAPE, CLASSES = (3, 12, 16), 5
Write = Callable[..., None]


def network() -> nn.Module:
    """(n, 3, 12, 16) to (n, 5): what every format has operators for."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU6(),
        nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(8, CLASSES)).eval()


def inputs(count: int) -> Tensor:
    return torch.randn(count, *SHAPE, generator=torch.Generator().manual_seed(1))


class ExporterContract:
    """Inherit it, and say with the fixture `format` which one: a name, or FILE.py:NAME. `target`: what its files are
    compiled for."""

    @pytest.fixture
    def format(self) -> str:
        raise NotImplementedError("say with a fixture `format` which one is meant")

    @pytest.fixture
    def exporter(self, format: str) -> Exporter:
        return exporter_named(format)

    @pytest.fixture
    def target(self) -> str:
        return HOST

    @pytest.fixture
    def item(self, exporter: Exporter, tmp_path: Path) -> Export:
        images = inputs(32)
        return Export(network(), images[:1], tmp_path / f"net{exporter.suffix}", images)

    @pytest.fixture
    def write(self, exporter: Exporter, target: str) -> Write:
        """Writes the items' files, in the format's first precision."""
        def written(*items: Export, on_done: Done | None = None) -> None:
            exporter.export(items, target=target, precision=exporter.precisions[0], on_done=on_done)
        return written

    def test_the_file_computes_what_pytorch_computes(self, exporter: Exporter, item: Export, write: Write,
                                                     target: str) -> None:
        write(item)
        precision = exporter.precisions[0]
        runtime = runtime_that_runs(exporter.proof or exporter.format, precision)
        with runnable(exporter, item, target, precision) as file:
            found = parity(item.module, open_session(file, runtime).predict, inputs(16))
        if precision == "fp32":
            gate(found)
        assert found.max_abs < (1e-4 if precision == "fp32" else 0.1)

    def test_every_item_is_reported_once_its_file_is_there(self, exporter: Exporter, item: Export,
                                                           write: Write) -> None:
        other = Export(item.module, item.example, item.path.with_name(f"other{exporter.suffix}"), item.calibration)
        there: list[tuple[Export, bool]] = []
        write(item, other, on_done=lambda done: there.append((done, done.path.is_file())))
        assert there == [(item, True), (other, True)]

    def test_the_file_tells_what_goes_in_and_out_and_its_operators(self, exporter: Exporter, item: Export,
                                                                    write: Write) -> None:
        write(item)
        (image,), (logits,) = signature(item.path)
        channels, height, width = SHAPE
        assert image.shape == ((1, height, width, channels) if exporter.channels_last else (1, channels, height, width))
        assert logits.shape == (1, CLASSES) and operators(item.path)

    def test_nothing_but_the_file_and_what_it_says_is_left(self, exporter: Exporter, item: Export,
                                                           write: Write) -> None:
        write(item)
        own = {item.path, sidecar_path(item.path), *map(item.path.with_suffix, exporter.beside)}
        assert set(item.path.parent.iterdir()) <= own

    def test_a_module_is_left_in_the_mode_that_it_was_in(self, item: Export, write: Write) -> None:
        item.module.train()
        write(item)
        assert all(module.training for module in item.module.modules())

    def test_a_precision_that_the_format_lacks_is_refused(self, exporter: Exporter, item: Export, target: str) -> None:
        with pytest.raises(UsageError) as caught:
            exporter.export([item], target=target, precision="int3")
        assert caught.value.message == f"the format {exporter.format!r} has no precision 'int3'"
        assert not any(item.path.parent.iterdir())

    def test_weights_that_are_not_finite_are_refused_by_their_name(self, item: Export, write: Write) -> None:
        convolution = next(module for module in item.module.modules() if isinstance(module, nn.Conv2d))
        with torch.no_grad():
            convolution.weight[0] = torch.nan
        with pytest.raises(ExportError, match=r"0\.weight"):
            write(item)
        assert not any(item.path.parent.iterdir())
