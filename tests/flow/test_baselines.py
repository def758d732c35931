from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgenas.flow import baselines
from edgenas.flow.baselines import baselines_phase
from edgenas.flow.run import Run
from edgenas.flow.work import Work
from edgenas.progress import Silent
from edgenas.selection import hand_made

from .flows import Finished, copied, succeed


@pytest.fixture(autouse=True)
def few_widths(monkeypatch):
    monkeypatch.setattr(hand_made, "DEPTHS", (2, 1))
    monkeypatch.setattr(hand_made, "WIDTHS", (0.25, 0.3, 0.5))


@pytest.fixture
def out(counted: Finished, tmp_path: Path) -> Path:
    return copied(counted, tmp_path / "run")


def test_baselines_hold_the_run_s_budgets_and_are_trained_once(out: Path, counted: Finished, monkeypatch):
    succeed("report", out, "--baselines")
    found = json.loads((out / "baselines.json").read_text())
    assert list(found) == ["mobilenet_v2_like", "random_1", "random_2"]
    limits = {b["metric"]: b["limit"] for b in counted.result.document["budgets"]}
    for row in found.values():
        assert all(row["measured"][metric] <= limit for metric, limit in limits.items())
        assert row["macs"] == row["measured"]["macs"] and row["params"] > 0
        assert set(row["accuracy"]) == {"validation", "test"}
    assert found["mobilenet_v2_like"]["width"] in hand_made.WIDTHS
    assert set(found["random_1"]["architecture"]) == {"1", "2"}
    assert "mobilenet_v2_like" in (out / "report.html").read_text() or "MobileNet" in (out / "report.html").read_text()

    monkeypatch.setattr(baselines, "train", lambda *_, **__: pytest.fail("trained again"))
    baselines_phase(Work(Run.open(out)), Silent())
    assert json.loads((out / "baselines.json").read_text()) == found


def test_an_interrupted_comparison_keeps_the_baselines_that_are_done(out: Path, monkeypatch):
    run, real = Run.open(out), baselines.train

    def train(*args, label, **options):
        if label.endswith("random_1"):
            raise KeyboardInterrupt
        return real(*args, label=label, **options)

    monkeypatch.setattr(baselines, "train", train)
    with pytest.raises(KeyboardInterrupt):
        baselines_phase(Work(run), Silent(), count=1)
    assert list(json.loads((out / "baselines.json").read_text())) == ["mobilenet_v2_like"]


def test_a_baseline_that_cannot_hold_the_budget_is_said_to_be_skipped(out: Path, monkeypatch):
    said: list[str] = []

    class Heard(Silent):
        def say(self, text: str) -> None:
            said.append(text)

    monkeypatch.setattr(baselines, "costs_everywhere", lambda work, networks: {
        name: {"macs": 9e9, "peak_memory_kib": 1.0} for name in networks})
    baselines_phase(Work(Run.open(out)), Heard(), count=0)
    row = json.loads((out / "baselines.json").read_text())["mobilenet_v2_like"]
    assert row == {"skipped": "no MobileNetV2-like network is small enough for the budget"}
    assert any("baseline mobilenet_v2_like: no MobileNetV2-like" in text for text in said)
