from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from edgenas.errors import ExportError, UsageError
from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.package.contents import figures, operators, sidecar_path, signature
from edgenas.export.quantise.quantised import random_calibration
from edgenas.measure.device import load_device
from edgenas.measure.runtimes.run_vela import Session

from ..nets import MBConv, settled

TO = exporter("ethosu")


def item(path: Path, module: nn.Module | None = None, height: int = 12) -> Export:
    torch.manual_seed(0)
    image = torch.randn(1, 8, height, 12)
    return Export(module or settled(MBConv(8, 8, 3)), image, path, random_calibration(image))


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    plain = item(tmp_path_factory.mktemp("tflite") / "model.tflite")
    exporter("tflite").export([plain], precision="int8")
    return plain.path


def test_the_file_holds_commands_for_the_npu_alone(source, tmp_path):
    made = item(tmp_path / "model_vela.tflite")
    TO.export([made], target="ethos-u55-128")
    assert operators(made.path) == {"ethos-u": 1}
    assert signature(made.path) == signature(source)


def test_what_stands_beside_it_is_velas_estimate_of_its_source(source, tmp_path):
    made = item(tmp_path / "model_vela.tflite")
    TO.export([made], target="ethos-u55-128")
    settings = load_device("ethos-u55-128").settings_of("vela")
    assert figures(made.path) == Session(str(source), 1, **settings).figures
    assert figures(made.path)["file_kib"] == made.path.stat().st_size / 1024
    beside = json.loads(sidecar_path(made.path).read_text())
    assert beside["made"]["source_sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
    assert beside["made"]["memory_mode"] == "Shared_Sram" and beside["target"] == "ethos-u55-128"


def test_a_device_of_ones_own_is_a_target(source, tmp_path):
    device = tmp_path / "npu.toml"
    device.write_text('name = "npu"\ndescription = "mine"\nruntimes = ["vela"]\n[settings.vela]\n'
                      'accelerator = "ethos-u55-32"\n')
    made = item(tmp_path / "model_vela.tflite")
    TO.export([made], target=str(device))
    assert figures(made.path)["cycles"] == Session(str(source), 1, "ethos-u55-32").figures["cycles"]


def test_every_operator_that_the_npu_cannot_run_is_named_with_the_reason(tmp_path):
    net = nn.Sequential(nn.Conv2d(8, 4, 3), nn.MaxPool2d((300, 1)), nn.MaxPool2d((1, 1)), nn.Conv2d(4, 4, 1))
    with pytest.raises(ExportError, match=r"^net_vela.tflite: 1 of \d operators cannot run on ethos-u55-128: "
                                          r"MAX_POOL_2D '.*' \(kernel height: 300 out of range\)$"):
        TO.export([item(tmp_path / "net_vela.tflite", net, height=330)], target="ethos-u55-128")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(("target", "message", "hint"), [
    ("ethos-u55-12", "'ethos-u55-12' is no known Ethos-U", "did you mean 'ethos-u55-128'?"),
    ("host", "is compiled for an Ethos-U, and no target is given", "--target ethos-u55-128"),
    ("cortex-m7", "'cortex-m7' is no known Ethos-U", "known: ethos-u55-128"),
])
def test_targets_that_are_none(tmp_path, target, message, hint):
    with pytest.raises(UsageError, match=message) as caught:
        TO.export([item(tmp_path / "net_vela.tflite")], target=target)
    assert hint in caught.value.hint and not any(tmp_path.iterdir())


def test_a_device_without_an_ethos_u_is_none(tmp_path):
    path = tmp_path / "cpu.toml"
    path.write_text('name = "cpu"\ndescription = "mine"\nruntimes = ["onnxruntime"]\n')
    with pytest.raises(UsageError, match="the device 'cpu' has no Ethos-U: its runtimes are onnxruntime"):
        TO.export([item(tmp_path / "net_vela.tflite")], target=str(path))


def test_refusals(tmp_path, monkeypatch):
    with pytest.raises(UsageError, match="the format 'ethosu' has no precision 'fp32'"):
        TO.export([item(tmp_path / "net_vela.tflite")], target="ethos-u55-128", precision="fp32")
    monkeypatch.setitem(sys.modules, "ethosu.vela", None)
    with pytest.raises(UsageError, match="needs the package 'ethosu'") as caught:
        TO.export([item(tmp_path / "net_vela.tflite")], target="ethos-u55-128")
    assert "edgenas[ethosu]" in caught.value.hint
