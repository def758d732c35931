"""With --json: one document on stdout, whatever happens; progress on stderr."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from flow.flows import QUICK, Finished, copied, edgenas, succeed


def numbers(value):
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from numbers(inner)
    elif isinstance(value, float):
        yield value


def test_devices():
    found = succeed("devices", "--json").document["devices"]
    assert {"host", "mock"} <= {device["name"] for device in found}
    for device in found:
        assert {"name": str, "description": str, "transport": str, "runtimes": list, "threads": int}.items() <= {
            key: type(value) for key, value in device.items()}.items()


def test_strategies():
    found = {s["name"]: s for s in succeed("strategies", "--json").document["strategies"]}
    assert {"snas", "proxyless", "random"} <= set(found)
    assert all(s["summary"] and s["paper"] for s in found.values())
    assert "temperature.start" in found["snas"]["options"]


def test_spaces(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("edgenas.flow.survey.space_names", lambda: ["mobile", "nasbench201"])
    shown = succeed("spaces", "--device", "mock", "--input-shape", "3x16x16", "--profiles", tmp_path, "--json")
    space = next(space for space in shown.document["spaces"] if space["name"] == "mobile")
    assert space["name"] == "mobile" and isinstance(space["size"], int)
    assert space["reachable"]["latency_ms"] is None and len(space["reachable"]["macs"]) == 2
    table = succeed("spaces", "--device", "mock", "--input-shape", "3x16x16", "--profiles", tmp_path).out
    assert "not profiled" in table and str(space["size"]) in table


def test_spaces_without_a_device(monkeypatch):
    monkeypatch.setattr("edgenas.flow.survey.exact_model", None)
    monkeypatch.setenv("EDGENAS_PROFILES", "profiles")
    found = succeed("spaces", "list", "--json").document["spaces"]
    assert all(space.keys() == {"name", "summary", "size"} for space in found)
    table = succeed("spaces").out
    assert all(space["name"] in table and str(space["size"]) in table for space in found)
    edgenas("spaces", "--threads", "2").refused(2, "--threads is of a device, and there is no --device")


@pytest.mark.parametrize("which", ["finished", "counted"])
def test_a_run_s_document_is_alone_on_stdout_and_has_no_figure_that_is_none(request, which):
    run: Finished = request.getfixturevalue(which)
    document = run.result.document
    assert run.result.out == json.dumps(document, indent=1) + "\n"
    assert "search: " in run.result.err or which == "counted"
    assert "verify: 1/1" in run.result.err
    assert all(map(math.isfinite, numbers(document)))
    assert {"run": str, "device": str, "runtime": str, "strategy": str, "space": str, "reachable": dict,
            "budgets": list, "architecture": dict, "accuracy": dict, "artifacts": list}.items() <= {
        key: type(value) for key, value in document.items()}.items()
    for budget in document["budgets"]:
        assert {"metric": str, "within": bool}.items() <= {key: type(v) for key, v in budget.items()}.items()
        assert all(isinstance(budget[key], int | float) for key in ("limit", "predicted", "measured"))
    for artifact in document["artifacts"]:
        assert {"format": str, "path": str, "bytes": int, "sha256": str, "max_abs": float, "agreement": float,
                "test_accuracy": float, "measured_latency_ms": float}.items() <= {
            key: type(value) for key, value in artifact.items()}.items()


def test_tables_say_what_the_document_says(counted: Finished, tmp_path: Path):
    out = copied(counted, tmp_path / "run")
    shown = succeed("verify", out)
    macs, memory = counted.result.document["budgets"]
    for text in (f"{macs['limit']:.4g}", f"{macs['measured']:.4g}", "peak_memory_kib", "yes", "mock",
                 counted.result.document["artifacts"][0]["format"], f"run: {out}"):
        assert text in shown.out, text
    assert "{" not in shown.out


def test_every_phase_prints_its_document(counted: Finished, tmp_path: Path):
    out = copied(counted, tmp_path / "run")
    assert succeed("train", out, "--json").document["accuracy"] == counted.result.document["accuracy"]
    exported = succeed("export", out, "--json")
    assert exported.document["run"] == str(out) and exported.document["artifacts"][0]["sha256"]
    assert "export: 1/1" in exported.err
    assert "model.onnx" in succeed("export", out).out
    assert succeed("verify", out, "--json").document["budgets"] == counted.result.document["budgets"]
    assert succeed("report", out, "--json").document == {"run": str(out), "report": str(out / "report.html")}
    assert succeed("report", out).out == f"wrote {out / 'report.html'}\n"


@pytest.mark.parametrize("arguments", [
    ("search", *QUICK, "--out", "run"), ("run", *QUICK, "--latency-ms", "fast", "--out", "run"), ("train", "run"),
    ("export", "run"), ("verify", "run"), ("report", "run"), ("profile", "--device", "nosuch"),
    ("spaces", "--input-shape", "7"),
], ids=lambda arguments: arguments[0])
def test_a_failure_is_one_document_too(tmp_path: Path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    result = edgenas(*arguments, "--json")
    result.refused(2)
    assert set(result.document) == {"error"} and set(result.document["error"]) == {"kind", "message", "hint"}
    assert list(tmp_path.iterdir()) == []
