"""The whole flow on this machine with real runtimes: what is measured here is real, so no figure of it is asserted."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from edgenas.selection import correction

from .flows import DIGITS, OWN_SPACE, copied, edgenas, files
from .flows import Finished as Run

ASKED = (*DIGITS, "--device", "host", *OWN_SPACE)


@pytest.fixture(scope="module")
def host(tmp_path_factory) -> Run:
    """A run whose budget is far above what any network needs: this machine may be busy."""
    base = tmp_path_factory.mktemp("host")
    profiled = edgenas("profile", *ASKED, "--profiles", base / "profiles", "--json")
    assert profiled.code == 0, profiled.err
    largest = profiled.document["reachable"]["latency_ms"][1]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(correction, "ROUNDS", 1)
        result = edgenas("run", *ASKED, "--strategy", "random", "--train-epochs", "1", "--latency-ms", 20 * largest,
                         "--profiles", base / "profiles", "--out", base / "run", "--json")
    return Run(base / "run", base / "profiles", result)


def test_the_profile_says_what_it_was_measured_with(host: Run):
    (path,) = host.profiles.rglob("*.jsonl")
    assert path == host.profiles / "host" / "onnxruntime-fp32-1t.jsonl"
    header, *lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert header["machine"]["cpu"] and header["machine"]["id"] and header["provenance"] == "measured"
    assert header["precision"] == "fp32" and header["threads"] == 1 and header["created"]
    measured = {(line["kind"], line["key"]) for line in lines}  # one in doubt is measured, and listed, again
    assert Counter(kind for kind, _ in measured) == {"block": 4, "network": 7, "repeat": 7, "check": 1, "decoded": 1}
    assert len(lines[-1]["measurements"]) == 3


def test_the_flow_holds_its_budget_on_this_machine(host: Run):
    assert host.result.code == 0, host.result.err
    (budget,) = host.result.document["budgets"]
    assert budget["within"] and 0 < budget["measured"] < budget["limit"]
    (artifact,) = host.result.document["artifacts"]
    assert (artifact["format"], artifact["runtime"]) == ("onnx", "onnxruntime")
    assert artifact["agreement"] == 1.0 and artifact["measured_latency_ms"] > 0


def test_formats_that_are_added_later_stay_beside_the_first_and_all_agree(host: Run, tmp_path: Path, capfd):
    out = copied(host, tmp_path / "run")
    first = files(out / "artifacts")["model.onnx"]
    for format in ("tflite", "tvm"):
        exported = edgenas("export", out, "--format", format, "--json")
        assert exported.code == 0, exported.err
    made = {a["format"]: a for a in exported.document["artifacts"]}
    assert list(made) == ["onnx", "tflite", "tvm"]
    assert {name: a["layout"] for name, a in made.items()} == {"onnx": "NCHW", "tflite": "NHWC", "tvm": "NCHW"}
    assert set(files(out / "artifacts")) == {"model.onnx", "model.tflite", "model.so", "model.so.json",
                                             "manifest.json"}
    assert files(out / "artifacts")["model.onnx"] == first

    verified = edgenas("verify", out, "--json")
    assert verified.code == 0, verified.err
    rows = {a["format"]: a for a in verified.document["artifacts"]}
    assert {name: a["runtime"] for name, a in rows.items()} == {"onnx": "onnxruntime", "tflite": "litert", "tvm": "tvm"}
    for row in rows.values():
        assert row["max_abs"] < 1e-3 and row["agreement"] == 1.0 and row["measured_latency_ms"] > 0
    assert len({row["test_accuracy"] for row in rows.values()}) == 1
    # Nothing writes past Python's own streams: with --json, stdout is the document's alone.
    assert capfd.readouterr().out == ""


def test_a_target_without_its_compiler_is_one_sentence(host: Run, tmp_path: Path, monkeypatch):
    out = copied(host, tmp_path / "run")
    before = files(out)
    monkeypatch.setattr("shutil.which", lambda _: None)
    edgenas("export", out, "--format", "tvm", "--target", "aarch64").refused(
        4, "compiling for 'aarch64' needs the program 'aarch64-linux-gnu-g++', which is not installed", "apt install")
    assert files(out) == before
