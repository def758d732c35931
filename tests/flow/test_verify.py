from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgenas.flow import verify
from edgenas.flow.run import Run
from edgenas.flow.verify import is_verified, run_budgets
from edgenas.flow.work import Work

from .flows import Finished, copied, edgenas, exact, succeed


@pytest.fixture
def out(finished: Finished, tmp_path: Path) -> Path:
    return copied(finished, tmp_path / "run")


def slower(monkeypatch, factor: float) -> None:
    """The device as it would be if it had become slower by a factor."""
    real = verify.measure_files

    def measured(target, files, runtime):
        return {name: [exact(factor * m.latency_ms()) for m in made]
                for name, made in real(target, files, runtime).items()}

    monkeypatch.setattr(verify, "measure_files", measured)


def test_a_device_that_became_slower_is_found_out(out: Path, finished: Finished, monkeypatch):
    slower(monkeypatch, 1.5)
    result = edgenas("verify", out, "--json")
    assert result.code == 3
    (budget,) = result.document["budgets"]
    (before,) = finished.result.document["budgets"]
    assert budget["within"] is False and budget["measured"] == pytest.approx(1.5 * before["measured"])
    assert budget["limit"] == before["limit"] and budget["predicted"] == before["predicted"]
    assert "NO" in edgenas("verify", out).out
    monkeypatch.undo()
    assert not is_verified(Run.open(out))
    assert succeed("verify", out, "--json").document["budgets"] == [before]
    assert is_verified(Run.open(out))


def test_a_run_that_missed_is_measured_again_when_resumed(out: Path, finished: Finished, monkeypatch):
    slower(monkeypatch, 1.5)
    command = json.loads((finished.folder / "run.json").read_text())["command"][1:]
    command[command.index("--out") + 1] = str(out)
    assert edgenas("verify", out).code == 3
    assert edgenas(*command, "--resume").code == 3
    monkeypatch.undo()
    succeed(*command, "--resume")


def test_what_is_verified_is_the_file_itself(out: Path):
    path = out / "artifacts" / "model.onnx"
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    result = edgenas("verify", out, "--json")
    result.refused(4, f"{path} was changed after its export", "export the network again")
    assert result.document["error"]["kind"] == "export"
    path.unlink()
    edgenas("verify", out).refused(4, f"{path} is missing")


def test_an_untrained_run_cannot_be_verified(out: Path):
    (out / "weights.safetensors").unlink()
    edgenas("verify", out).refused(2, "there is no weights.safetensors", f"edgenas train {out}")


def test_a_run_without_artifacts_gets_the_one_that_is_bound(out: Path):
    for path in (out / "artifacts").iterdir():
        path.unlink()
    found = succeed("verify", out, "--json").document
    assert [a["format"] for a in found["artifacts"]] == ["onnx"]


def test_the_accuracy_is_the_artifact_s_own_on_the_whole_test_set(finished: Finished):
    (artifact,) = finished.result.document["artifacts"]
    data = json.loads((finished.folder / "data.json").read_text())
    assert artifact["test_images"] == data["sizes"]["test"]
    assert artifact["test_accuracy"] == pytest.approx(finished.result.document["accuracy"]["test"], abs=1e-6)
    assert artifact["spread"] == 0.0


def test_budgets_stay_the_figures_that_they_were(out: Path, finished: Finished):
    (budget,) = run_budgets(Work(Run.open(out)))
    assert budget.limit == finished.result.document["budgets"][0]["limit"]
