"""Devices that nobody has on the desk: what is said of a latency is predicted or estimated, and says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgenas.cost.exact import exact_model
from edgenas.cost.model import networks
from edgenas.cost.profile import Header, Profile
from edgenas.cost.published import Published
from edgenas.export.package import manifest
from edgenas.export.package.about import embedded
from edgenas.flow.run import Run
from edgenas.flow.work import Work

from .flows import DIGITS, OWN_SPACE, Finished, Result, copied, edgenas, mock_latency_ms, own_space, succeed

RANDOM = (*DIGITS, *OWN_SPACE, "--strategy", "random", "--train-epochs", "1", "--json")


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A folder with made-up published latencies of all blocks of the test's own space."""
    folder = tmp_path / "profiles"
    profile = Profile.create(folder / "pixel1" / "litert-fp32-1t.jsonl", Header(
        device="pixel1", runtime="litert", runtime_version="", threads=1, machine={"id": "pixel1"},
        provenance="published"))
    for network in networks(own_space()).values():
        if network is not None:
            profile.add_block(network.signature, Published("made up", mock_latency_ms(network), 0.1, 10), network)
    return folder


@pytest.fixture
def run(published: Path, tmp_path: Path) -> tuple[Result, Path]:
    out = tmp_path / "run"
    return succeed("run", *RANDOM, "--device", "pixel1", "--latency-ms", "85%", "--profiles", published,
                   "--out", out), out


def test_a_published_latency_is_predicted_and_never_called_measured(run: tuple[Result, Path]):
    result, out = run
    (budget,) = result.document["budgets"]
    assert (budget["provenance"], budget["measured"], budget["within"]) == ("predicted", None, True)
    assert 0 < budget["predicted"] <= budget["limit"] and "estimated" not in budget
    assert result.document["statistic"] == "mean"
    assert "nothing is measured" in result.err
    (artifact,) = result.document["artifacts"]
    assert artifact["measured_latency_ms"] is None and artifact["agreement"] == 1.0
    decoding = json.loads((out / "decoding.json").read_text())
    assert all(r["measured"] == {} and r["predicted"] for r in decoding["rounds"])
    assert decoding["models"]["latency_ms"]["held_out"] is None
    report = (out / "report.html").read_text()
    assert "predicted from published latencies; not measured" in report and "published latencies" in report
    shown = succeed("verify", out)
    assert "not measured" in shown.out and "predicted" in shown.out


def test_baselines_are_not_compared_by_predictions(run: tuple[Result, Path]):
    _, out = run
    shown = succeed("report", out, "--baselines")
    assert "networks are compared by what is measured, and pixel1 cannot be measured here" in shown.err
    known = json.loads((out / "baselines.json").read_text())
    assert len(known) == 3 and all("cannot be measured" in row["skipped"] for row in known.values())


def test_the_profile_of_a_published_device_is_not_touched(run: tuple[Result, Path], published: Path):
    profile = Profile.load(published / "pixel1" / "litert-fp32-1t.jsonl")
    assert not profile.networks and not profile.decoded
    assert Work(Run.open(run[1])).target.latency_word == "predicted"


def test_a_budget_below_what_the_blocks_allow_is_refused(published: Path, tmp_path: Path):
    edgenas("search", *RANDOM, "--device", "pixel1", "--latency-ms", "0.001", "--profiles", published,
            "--out", tmp_path / "run").refused(3, "no network of this space holds latency_ms = 0.001")


def test_an_estimated_latency_says_so(tmp_path: Path):
    found = succeed("run", *RANDOM, "--device", "ethos-u55-128", "--latency-ms", "85%", "--max-drop", "10",
                    "--out", tmp_path / "run")
    (budget,) = found.document["budgets"]
    assert budget["provenance"] == "estimated" and budget["measured"] is None and budget["within"]
    assert 0 < budget["estimated"] <= budget["limit"]
    assert budget["estimated"] == pytest.approx(budget["predicted"], rel=0.1)
    assert " estimated " in found.err and " measured " not in found.err.partition("round 1")[2]
    (artifact,) = found.document["artifacts"]
    assert (artifact["runtime"], artifact["precision"]) == ("vela", "int8")
    assert artifact["path"].endswith("model.int8.tflite") and artifact["agreement"] > 0.8
    plain, deployed = manifest.read(tmp_path / "run" / "artifacts").artifacts
    assert (deployed.format, deployed.target, deployed.operators) == ("ethosu", "ethos-u55-128", {"ethos-u": 1})
    beside = json.loads((tmp_path / "run" / "artifacts" / f"{deployed.path}.json").read_text())
    about = embedded(Path(artifact["path"]))
    assert about is not None and beside["made"]["source_sha256"] == about.body_sha256
    assert plain.sha256 == artifact["sha256"]
    assert deployed.figures["cycles"] / 500e6 * 1e3 == pytest.approx(budget["estimated"])


def test_an_npus_memory_is_its_compilers_estimate_and_binds(tmp_path: Path):
    found = succeed("search", *RANDOM, "--device", "ethos-u55-128", "--budget", "sram_kib=85%", "--budget",
                    "flash_kib=90%", "--out", tmp_path / "run")
    sram, flash = found.document["budgets"]
    assert (sram["provenance"], sram["measured"], flash["provenance"]) == ("estimated", None, "counted")
    assert 0 < sram["estimated"] <= sram["limit"] and 0 < flash["measured"] <= flash["limit"]
    assert sram["estimated"] == pytest.approx(sram["predicted"], rel=0.3)  # of some 2 KiB
    decoding = json.loads((tmp_path / "run" / "decoding.json").read_text())
    assert all(set(r["estimated"]) == {"sram_kib"} and set(r["measured"]) == {"flash_kib"} for r in decoding["rounds"])
    assert "cost model of sram_kib: margin" in found.err


def test_a_microcontrollers_memory_is_its_measured_arena_and_binds(tmp_path: Path):
    found = succeed("run", *RANDOM, "--device", "cortex-m7", "--budget", "peak_memory_kib=85%", "--budget",
                    "flash_kib=90%", "--max-drop", "10", "--out", tmp_path / "run")
    memory, flash = found.document["budgets"]
    assert (memory["provenance"], flash["provenance"]) == ("measured", "counted")
    assert 0 < memory["measured"] <= memory["limit"] and flash["measured"] <= flash["limit"]
    work = Work(Run.open(tmp_path / "run"))
    run = work.run
    arenas = {m.figures["arena_kib"] for made in work.target.profile.decoded.values() for m in made}
    counted = exact_model(work.space, "peak_memory_kib", "int8").predict(run.architecture)
    assert memory["measured"] in arenas and memory["measured"] > counted
    plain, array = manifest.read(run.artifacts).artifacts
    assert array.figures["arena_kib"] == memory["measured"]
    assert array.figures["flash_kib"] < flash["measured"] == plain.bytes / 1024  # which also says what it is
    assert plain.agreement == array.agreement
    assert [row["format"] for row in found.document["artifacts"]] == ["tflite", "c_array"]
    (run.artifacts / array.path).with_suffix(".h").unlink()
    succeed("export", run.folder, "--format", "c-array", "--max-drop", "10")
    assert (run.artifacts / array.path).with_suffix(".h").exists()


def test_what_a_runtime_does_not_tell_is_refused_before_anything_begins(tmp_path: Path):
    refused = edgenas("search", *RANDOM, "--device", "cortex-m7", "--budget", "sram_kib=20", "--out", tmp_path / "run")
    refused.refused(2, "the runtime 'tflite_micro' does not tell sram_kib; told by: vela", "--device")
    assert not (tmp_path / "run").exists()


def test_a_run_for_another_processor_is_exported_for_an_ethos_u(counted: Finished, tmp_path: Path):
    run = Run.open(copied(counted, tmp_path / "run"))
    command = ("export", run.folder, "--format", "ethosu", "--max-drop", "20", "--json")
    edgenas(*command).refused(2, "no target is given", "--target ethos-u55-128")
    edgenas(*command, "--target", "ethos-u55").refused(2, "'ethos-u55' is no known Ethos-U", "did you mean")
    edgenas(*command, "--target", "ethos-u55-128", "--precision", "fp32").refused(2, "no precision 'fp32'")
    found = succeed(*command, "--target", "ethos-u55-128").document["artifacts"][-1]
    assert found["path"] == "model-ethos-u55-128.int8_vela.tflite" and found["figures"]["cpu_operators"] == 0
    assert found["precision"] == "int8" and found["agreement"] > 0.8
