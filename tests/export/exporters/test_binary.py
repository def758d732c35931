from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgenas.errors import ExportError, UsageError
from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.check.parity import gate, parity
from edgenas.export.native.source import UNUSED
from edgenas.export.package.contents import operators, signature
from edgenas.measure import worker
from edgenas.measure.conditions import read_header
from edgenas.measure.measurement import Measurement
from edgenas.measure.protocol import Protocol

from ..conftest import Exported
from ..nets import MiniNet, Unsupported, coloured, decided, settled
from ..programs import line, needs_an_interpreter, predictor, run

QEMU = "qemu-aarch64-static"
SHORT = ("calibration_s=0.01", "warmup_max_s=0.01", "round_s=0.01", "patience_s=0.5")
NAMES = [name for name in Protocol().to_dict() if name != UNUSED]


class Programs(Exported):
    """The modules of conftest.py as programs."""

    def predict(self, name: str) -> Callable[[NDArray], NDArray]:
        return predictor(self.items[name].path)


@pytest.fixture
def exported(export_all) -> Programs:
    built = export_all("binary")
    return Programs(built.format, built.items, built.done)


@pytest.fixture
def linear(exported: Programs) -> Path:
    return exported.items["linear"].path


class Sorted(nn.Module):
    """A kernel that calls a function of TVM's runtime."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.sort(x)[0]


def layer(path: Path) -> Export:
    return Export(nn.Conv2d(2, 3, 3), torch.randn(1, 2, 5, 5), path)


def test_the_signature_stands_beside_the_program(exported: Programs) -> None:
    path = exported.items["net"].path
    (image,), (logits,) = signature(path)
    assert (image.name, image.shape, image.dtype) == ("image", (1, 3, 20, 28), "float32")
    assert (logits.name, logits.shape, logits.dtype) == ("logits", (1, 5), "float32")
    assert operators(path)["nn.conv2d"] == 13
    assert json.loads(Path(f"{path}.json").read_text())["target"] == "host"


def test_a_program_is_one_executable_file(linear: Path) -> None:
    assert stat.S_IMODE(linear.stat().st_mode) == 0o755
    content = linear.read_bytes()
    assert content[:5] == b"\x7fELF\x02"
    assert not needs_an_interpreter(content)
    assert needs_an_interpreter(Path(sys.executable).resolve().read_bytes())


def test_it_says_what_it_is_and_where_it_runs(linear: Path) -> None:
    found = line(linear, "--describe")
    here = worker.describe_machine()
    assert (found["worker"], found["runtime"], found["version"]) == (worker.SCHEMA, "binary", "1")
    beside = json.loads(Path(f"{linear}.json").read_text())
    assert (found["inputs"], found["outputs"]) == (beside["inputs"], beside["outputs"])
    assert set(found["machine"]) == set(here)
    assert set(found["machine"]["conditions"]) == set(here["conditions"])
    changing = ("conditions", "python")
    assert ({key: value for key, value in found["machine"].items() if key not in changing}
            == {key: value for key, value in here.items() if key not in changing})
    assert found["machine"]["python"] is None
    assert read_header(json.dumps(found), "binary").machine == found["machine"]


def test_it_says_what_it_takes(linear: Path) -> None:
    done = run(linear, "--help")
    assert (done.returncode, done.stderr) == (0, b"")
    assert "float32 tensors of 1 x 8, little-endian" in done.stdout.decode()
    assert b"--image" not in done.stdout
    assert line(linear, "--describe")["images"] == []


def test_logits_are_the_exact_float32(linear: Path, exported: Programs) -> None:
    given = np.float32([[0, 1e-30, -1e30, 1 / 3, 2, 3, 4, 5]])
    texts = run(linear, given=given.tobytes()).stdout.decode()
    found = json.loads(texts)["logits"]
    assert all(float(np.float32(value)) == pytest.approx(value, rel=1e-8) for value in found)
    with torch.no_grad():
        expected = exported.items["linear"].module(torch.from_numpy(given)).numpy()[0]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("comma", ["de_DE.UTF-8", "C"])
def test_numbers_have_a_point_in_every_locale(linear: Path, comma: str, monkeypatch) -> None:
    monkeypatch.setenv("LC_ALL", comma)
    assert len(json.loads(run(linear, given=np.full(8, 0.5, np.float32).tobytes()).stdout)["logits"]) == 3
    assert line(linear, "--bench", "a", "agreement=0.5", *SHORT)["latency"]["min_ms"] > 0


def test_the_latency_is_one_that_a_measurement_takes(exported: Programs) -> None:
    found = line(exported.items["net"].path, "--bench", "a.b-C_1", "rounds=2", "max_rounds=4", "seed=3", *SHORT)
    measurement = Measurement.from_dict({"id": found["id"], **found["latency"]})
    assert measurement.id == "a.b-C_1"
    assert measurement.cpu_ms is not None and measurement.wall_ms is not None
    assert 0 < measurement.cpu_ms <= 1.05 * measurement.wall_ms
    assert 2 <= measurement.rounds <= 4
    assert measurement.runs >= 2 * Protocol().min_runs


def test_its_protocol_is_the_workers(linear: Path) -> None:
    known = run(linear, "--bench", "a", "x=1").stderr.decode()
    assert known.strip().split("known names: ")[1].split() == NAMES
    for name in NAMES:
        value = getattr(Protocol(), name)
        least = 0 if name in ("seed", "warmup_min_s") else 1 if isinstance(value, int) else 1e-9
        for bad in (least - 1e-9, -1, "nan", "inf", "", "1x", *([1.5] if isinstance(value, int) else [])):
            done = run(linear, "--bench", "a", f"{name}={bad}")
            assert (done.returncode, done.stdout) == (2, b"")
            assert done.stderr.decode().startswith(f"{name} of the measuring protocol is '{bad}'; it must be")


@pytest.mark.parametrize(("arguments", "sentence"), [
    (["--bench", "a", "runs"], "'runs' is no NAME=VALUE"),
    (["--bench", "a", "timeout_s=3"], "'timeout_s=3' is no NAME=VALUE"),
    (["--bench", "a", "run=3"], "'run=3' is no NAME=VALUE"),
    (["--bench", "a", "rounds=9", "max_rounds=8"], "max_rounds of the measuring protocol is 8"),
    (["--bench", 'a"b'], "'a\"b' is no id"),
    (["--bench", ""], "'' is no id"),
    (["--bench"], "'--bench' cannot be used so"),
    (["--describe", "all"], "'--describe' cannot be used so"),
    (["--help", "me"], "'--help' cannot be used so"),
    (["image.raw"], "'image.raw' cannot be used so"),
    (["--image"], "this program was exported without what an image's pixels become"),
])
def test_arguments_that_it_cannot_use(linear: Path, arguments: list[str], sentence: str) -> None:
    done = run(linear, *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert sentence in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(("size", "lines"), [(0, 0), (31, 0), (33, 1), (95, 2)])
def test_input_that_is_no_whole_tensor(linear: Path, size: int, lines: int) -> None:
    done = run(linear, given=bytes(size))
    assert (done.returncode, done.stdout.count(b"\n")) == (2, lines)
    assert f"the input ends after {size % 32} bytes of tensor {lines}" in done.stderr.decode()


def test_values_that_json_cannot_hold_are_an_error(linear: Path) -> None:
    done = run(linear, given=np.float32([1] * 8 + [np.nan] * 8).tobytes())
    assert (done.returncode, done.stdout.count(b"\n")) == (1, 1)
    assert done.stderr == b"output 0 of tensor 1 is not finite\n"


def test_a_full_disk_is_an_error(linear: Path) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run([linear, "--describe"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == f"cannot write the output: {os.strerror(errno.ENOSPC)}\n"


def test_a_protocol_that_cannot_end_is_a_line_with_the_error(linear: Path) -> None:
    found = line(linear, "--bench", "a", "round_s=1e12", *SHORT[:2])
    assert found["id"] == "a"
    assert "more than 1e9" in found["error"]


def test_two_builds_are_the_same_bytes(tmp_path: Path) -> None:
    item = layer(tmp_path / "layer.bin")
    again = replace(item, path=tmp_path / "again" / "other.bin")
    exporter("binary").export([item, again])
    assert item.path.read_bytes() == again.path.read_bytes()


@pytest.mark.parametrize(("module", "operator"), [(Sorted(), "tvm.contrib.sort.argsort"),
                                                  (Unsupported(), "_linalg_svd")])
def test_an_unsupported_operator_is_named_with_its_file(module: nn.Module, operator: str, tmp_path: Path) -> None:
    item = Export(module, torch.randn(1, 3, 4), tmp_path / "bad.bin")
    with pytest.raises(ExportError) as caught:
        exporter("binary").export([item])
    assert caught.value.message.startswith("bad.bin: TVM cannot ")
    assert operator in caught.value.message
    assert "\n" not in caught.value.message
    assert not any(tmp_path.iterdir())


def test_an_unknown_target_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'arm64' is no known target"):
        exporter("binary").export([layer(tmp_path / "layer.bin")], target="arm64")


def test_a_missing_c_compiler_names_its_package(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "aarch64-linux-gnu-g++").write_text("#!/bin/sh\n")
    (tmp_path / "aarch64-linux-gnu-g++").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ExportError, match="'aarch64-linux-gnu-gcc', which is not installed") as caught:
        exporter("binary").export([layer(tmp_path / "layer.bin")], target="aarch64")
    assert caught.value.hint == "apt install gcc-aarch64-linux-gnu"


@pytest.mark.parametrize(("fails", "what"), [("-lm", "layer.bin"), ("-c", "a program's own part")])
def test_a_compiler_that_fails_leaves_no_file(fails: str, what: str, tmp_path: Path, monkeypatch) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    real = shutil.which("gcc")
    (programs / "gcc").write_text(f'#!/bin/sh\ncase "$*" in *\\ {fails}\\ *) echo no libc >&2; exit 1;; esac\n'
                                  f'exec {real} "$@"\n')
    (programs / "gcc").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    item = layer(tmp_path / "out" / "layer.bin")
    with pytest.raises(ExportError) as caught:
        exporter("binary").export([item])
    assert caught.value.message == f"{what}: gcc cannot compile it: no libc"
    assert "-static" in caught.value.hint
    assert not item.path.parent.exists() or not any(item.path.parent.iterdir())


@pytest.mark.board
def test_a_program_for_arm64(tmp_path: Path) -> None:
    torch.manual_seed(0)
    images = coloured(20, 3, 20, 28)
    net = decided(settled(MiniNet()), images)
    item = Export(net, torch.randn(1, 3, 20, 28), tmp_path / "net.bin")
    exporter("binary").export([item], target="aarch64")
    content = item.path.read_bytes()
    assert struct.unpack_from("<H", content, 18) == (183,)
    assert not needs_an_interpreter(content)
    gate(parity(net, predictor(item.path, via=(QEMU,)), images))
    described = line(item.path, "--describe", via=(QEMU,))
    assert described["machine"]["architecture"] == "aarch64"
    found = line(item.path, "--bench", "net", "max_rounds=4", *SHORT, via=(QEMU,))
    measurement = Measurement.from_dict({"id": "net", **found["latency"]})
    assert measurement.rounds >= 3 and measurement.cpu_ms is not None and measurement.cpu_ms > 0
