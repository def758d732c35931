"""Modules exported once for all tests: every format in one batch."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.check.session import open_session

from .nets import MBConv, MiniNet, coloured, decided, grey_net, settled

IMAGES = coloured(20, 3, 20, 28)
RUNTIMES = {"onnx": "onnxruntime", "tflite": "litert", "tvm": "tvm"}


@dataclass(frozen=True)
class Exported:
    format: str
    items: dict[str, Export]
    done: list[Export]

    def predict(self, name: str) -> Callable[[NDArray], NDArray]:
        return open_session(self.items[name].path, RUNTIMES[self.format]).predict

    def output(self, name: str, images: Tensor) -> NDArray:
        """What the file computes, NCHW."""
        found = self.predict(name)(images.numpy())
        return found.transpose(0, 3, 1, 2) if found.ndim == 4 and self.format == "tflite" else found


def modules() -> dict[str, tuple[nn.Module, tuple[int, ...]]]:
    torch.manual_seed(0)
    shared = settled(MBConv(8, 8, 3))
    return {
        "net": (decided(settled(MiniNet()), IMAGES).to(memory_format=torch.channels_last), (3, 20, 28)),
        "grey": (grey_net(), (1, 20, 28)),
        "strided": (settled(MBConv(8, 12, 5, stride=2)), (8, 11, 11)),
        "shared": (shared, (8, 10, 10)),
        "shared smaller": (shared, (8, 6, 6)),
        "nothing": (nn.Identity(), (8, 5, 6)),
        "linear": (nn.Linear(8, 3), (8,)),
        "outside": (settled(nn.Sequential(nn.Conv2d(8, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ELU())), (8, 7, 6)),
    }


@pytest.fixture(scope="session")
def net() -> nn.Module:
    return modules()["net"][0]


@pytest.fixture(scope="session")
def images() -> Tensor:
    return IMAGES


@pytest.fixture(scope="session")
def export_all(tmp_path_factory) -> Callable[[str], Exported]:
    """Export every module in a format, the first time that it is asked for."""
    @functools.cache
    def export(format: str) -> Exported:
        to, folder, done = exporter(format), tmp_path_factory.mktemp(format), []
        items = {name: Export(module, torch.randn(1, *shape), folder / f"{name}{to.suffix}")
                 for name, (module, shape) in modules().items()}
        to.export(list(items.values()), on_done=done.append)
        return Exported(format, items, done)
    return export


@pytest.fixture(params=sorted(RUNTIMES))
def exported(request, export_all) -> Exported:
    return export_all(request.param)


@pytest.fixture
def onnx_files(export_all) -> Exported:
    return export_all("onnx")


@pytest.fixture
def tflite_files(export_all) -> Exported:
    return export_all("tflite")


@pytest.fixture
def tvm_files(export_all) -> Exported:
    return export_all("tvm")
