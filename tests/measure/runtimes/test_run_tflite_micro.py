from __future__ import annotations

import math

import pytest
from torch import nn

from edgenas.measure.device import load_device
from edgenas.measure.job import Artifact
from edgenas.measure.measure import measure
from edgenas.measure.runtimes import run_tflite_micro

from ..conftest import save_int8


def latency_ms(session: run_tflite_micro.Session) -> float:
    start = run_tflite_micro.clock()
    session.invoke()
    return (run_tflite_micro.clock() - start) * 1e3


@pytest.mark.parametrize("first", [1 << 20, 1 << 11])  # the second is too small, and twice that is too
def test_the_arena_is_the_smallest_in_which_the_network_runs(tmp_path, monkeypatch, first):
    monkeypatch.setattr(run_tflite_micro, "LEAST_ARENA", first)
    net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    path = tmp_path / "net.tflite"
    figures = run_tflite_micro.Session(save_int8(net, path, (3, 24, 24)), 1).figures
    arena = round(figures["arena_kib"] * 1024)
    assert 0 < figures["persistent_kib"] < figures["arena_kib"]
    assert arena > 1 << 12 and not run_tflite_micro.tried(path.read_bytes(), arena)
    assert "missing:" in run_tflite_micro.tried(path.read_bytes(), arena - 16)
    assert figures["flash_kib"] == path.stat().st_size / 1024


def test_preparing_takes_more_than_what_a_tiny_network_runs_in(tmp_path):
    path = tmp_path / "net.tflite"
    save_int8(nn.Conv2d(3, 4, 3, stride=2), path)
    _, arena, _ = run_tflite_micro.loaded(path.read_bytes())
    assert not run_tflite_micro.tried(path.read_bytes(), arena)
    assert "missing:" in run_tflite_micro.tried(path.read_bytes(), arena - 16)
    assert any("it ended with signal 11" in run_tflite_micro.tried(path.read_bytes(), size)
               for size in range(arena, 0, -16))


@pytest.mark.parametrize(("net", "macs", "others"), [
    (nn.Conv2d(3, 4, 3, stride=2), 3 * 3 * 4 * 3 * 9, 0),
    (nn.Conv2d(3, 6, 3, groups=3, bias=False), 6 * 6 * 6 * 9, 0),
    (nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 5)), 15, 3 * 8 * 8),
    (nn.MaxPool2d(2), 0, 3 * 8 * 8),
])
def test_latency_by_macs_and_clock(tmp_path, net, macs, others):
    session = run_tflite_micro.Session(save_int8(net, tmp_path / "net.tflite"), 1, clock_mhz=100.0, macs_per_cycle=0.5)
    assert session.figures["macs"] == macs
    assert latency_ms(session) == pytest.approx((macs + others) / 0.5 / 100e6 * 1e3, rel=1e-9)


def test_nothing_is_printed(int8_file, capfd):
    capfd.readouterr()
    run_tflite_micro.Session(str(int8_file), 1)
    assert capfd.readouterr() == ("", "")


def test_float_weights_are_refused(tflite_file):
    with pytest.raises(ValueError, match="the weight of CONV_2D .* is not int8"):
        run_tflite_micro.Session(str(tflite_file), 1)


@pytest.mark.parametrize("options", [{"clock_mhz": 0.0}, {"macs_per_cycle": -1.0}, {"clock_mhz": math.nan}])
def test_options_must_be_above_zero(int8_file, options):
    with pytest.raises(ValueError, match="both must be above 0"):
        run_tflite_micro.Session(str(int8_file), 1, **options)


def test_a_file_that_is_none_is_refused(tmp_path):
    (tmp_path / "net.tflite").write_bytes(b"not a model")
    with pytest.raises(ValueError, match="'net.tflite' is no TFLite model"):
        run_tflite_micro.Session(str(tmp_path / "net.tflite"), 1)


def test_the_devices_measure_in_a_worker(int8_file):
    found = {}
    for name in ("cortex-m4", "cortex-m7"):
        (found[name],) = measure(load_device(name), "tflite_micro", [Artifact("net", int8_file)])
    assert found["cortex-m4"].figures == found["cortex-m7"].figures
    assert found["cortex-m4"].min_ms / found["cortex-m7"].min_ms == pytest.approx(216 * 0.24 / (120 * 0.16), rel=1e-6)
