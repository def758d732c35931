from __future__ import annotations

import csv
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from edgenas.errors import DeviceError
from edgenas.measure.device import load_device
from edgenas.measure.job import Artifact
from edgenas.measure.measure import measure
from edgenas.measure.runtimes import run_vela

from ..conftest import save_int8


def latency_ms(session: run_vela.Session) -> float:
    start = run_vela.clock()
    session.invoke()
    return (run_vela.clock() - start) * 1e3


def compiled(path: Path, folder: Path, *options: str) -> tuple[dict[str, str], list[dict[str, str]]]:
    """Vela's own two tables."""
    from ethosu.vela import vela
    vela.main([str(path), "--output-dir", str(folder), "--verbose-performance", *options])
    (summary,) = csv.DictReader(next(folder.glob("*_summary_*.csv")).open())
    return summary, list(csv.DictReader(next(folder.glob("*_per-layer.csv")).open()))


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # this test reads two small tables
def test_the_latency_is_velas_own_estimate(int8_file, tmp_path, capfd):
    summary, layers = compiled(int8_file, tmp_path, "--accelerator-config", "ethos-u65-256",
                               "--system-config", "Ethos_U65_Embedded", "--memory-mode", "Sram_Only")
    session = run_vela.Session(str(int8_file), 1, "ethos-u65-256", "Ethos_U65_Embedded", "Sram_Only")
    cycles = sum(int(row["Op Cycles"]) for row in layers)
    assert session.figures["cycles"] == cycles == int(summary["cycles_total"]) > 0
    assert latency_ms(session) == pytest.approx(cycles / 500e6 * 1e3, rel=1e-9)
    assert session.figures["sram_kib"] == float(summary["sram_memory_used"]) > 0
    assert session.figures["npu_operators"] == len(layers) and session.figures["cpu_operators"] == 0


def test_nothing_is_printed(int8_file, capfd):
    capfd.readouterr()
    run_vela.Session(str(int8_file), 1)
    assert capfd.readouterr() == ("", "")


def test_accelerators_differ_and_the_same_one_repeats(int8_file):
    first, other, again = (latency_ms(run_vela.Session(str(int8_file), 1, name))
                           for name in ("ethos-u55-32", "ethos-u55-256", "ethos-u55-32"))
    assert first == pytest.approx(again, rel=1e-9) and first > 1.2 * other


def test_an_operator_left_to_the_processor_is_an_error_that_names_it_and_the_reason(tflite_file):
    with pytest.raises(ValueError, match=r"of \d operators would run on the processor beside the NPU.*"
                                         r"RELU '.*' \(Operation has tensor with unsupported DataType Float32"):
        run_vela.Session(str(tflite_file), 1)


def test_so_is_one_of_many(tmp_path):
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.MaxPool2d((300, 1)))
    path = save_int8(net, tmp_path / "net.tflite", (3, 330, 8))
    with pytest.raises(ValueError, match=r"^1 of 2 operators .*: MAX_POOL_2D 'logits' \(kernel height: 300 out of"):
        run_vela.Session(path, 1)


@pytest.mark.parametrize(("options", "message"), [
    (("ethos-u59-128",), "invalid choice: 'ethos-u59-128'"),
    (("ethos-u55-128", "Nowhere"), "System_Config.Nowhere not found"),
    (("ethos-u55-128", "", "Nowhere"), "Memory_Mode.Nowhere not found"),
])
def test_what_vela_refuses_is_one_line(int8_file, options, message):
    with pytest.raises(ValueError, match=message) as caught:
        run_vela.Session(str(int8_file), 1, *options)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_none_is_refused(tmp_path):
    (tmp_path / "net.tflite").write_bytes(b"not a model")
    with pytest.raises(ValueError, match="'net.tflite' is no TFLite model"):
        run_vela.Session(str(tmp_path / "net.tflite"), 1)


def test_predictions_need_litert(int8_file, monkeypatch):
    session = run_vela.Session(str(int8_file), 1)
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(ModuleNotFoundError, match="ai_edge_litert"):
        session.run([torch.zeros(1, 8, 8, 3, dtype=torch.int8).numpy()])


@pytest.mark.parametrize("name", ["ethos-u55-128", "ethos-u55-256", "ethos-u65-256", "ethos-u85-256"])
def test_the_devices_measure_in_a_worker(name, int8_file):
    device = load_device(name)
    session = run_vela.Session(str(int8_file), 1, **device.settings_of("vela"))
    (found,) = measure(device, "vela", [Artifact("net", int8_file)])
    assert found.figures == session.figures
    assert found.min_ms == pytest.approx(latency_ms(session), rel=1e-6) and found.spread < 1e-6 and found.agreed


def test_a_failure_names_the_artifact(tflite_file):
    with pytest.raises(DeviceError, match=r"'net' could not be measured with vela on ethos-u55-128: .*processor"):
        list(measure(load_device("ethos-u55-128"), "vela", [Artifact("net", tflite_file)]))
