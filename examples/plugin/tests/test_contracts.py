"""The contracts of edgenas, over what this package adds: `pytest examples/plugin/tests` once it is installed."""

from __future__ import annotations

import pytest
from edgenas_coin.command import command

from edgenas.measure.device import Device
from edgenas.space import Space, load_space
from edgenas.testing import (
    ExporterContract,
    RuntimeContract,
    SourceContract,
    SpaceContract,
    StrategyContract,
    TransportContract,
)


class TestCoin(StrategyContract):
    @pytest.fixture
    def strategy(self) -> str:
        return "coin"


class TestTiny(SpaceContract):
    @pytest.fixture
    def space(self) -> Space:
        return load_space("tiny", (3, 12, 12), 4)


class TestOnnxruntimeBasic(RuntimeContract):
    packages = frozenset({"onnxruntime"})

    @pytest.fixture
    def runtime(self) -> str:
        return "onnxruntime_basic"


class TestPatient(TransportContract):
    @pytest.fixture
    def device(self) -> Device:
        return Device(name="patient", description="this machine", transport="patient", runtimes=("mock",),
                      options={"seconds": 0.01})


class TestOnnxPacked(ExporterContract):
    @pytest.fixture
    def format(self) -> str:
        return "onnx_packed"


class TestStripes(SourceContract):
    @pytest.fixture
    def source(self) -> str:
        return "stripes"


def test_the_command_has_an_example() -> None:
    assert "Example: edgenas coin" in (command.epilog or "")
