"""Modules exported in batches and measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from torch import nn

from edgenas.cost import batches
from edgenas.cost.profile import Profile
from edgenas.cost.profiling import open_profile, profile_space

from .conftest import DEVICE, Session
from .nets import twins


def test_the_time_of_exporting_and_of_measuring_is_told(tmp_path: Path) -> None:
    spent = profile_space(twins(), DEVICE, open_profile(DEVICE, "mock", folder=tmp_path))
    assert spent.modules == 4 + 7 + 1  # and the first block again
    assert spent.export > 0 and spent.measure > 0
    assert batches.CHUNK > 4


@pytest.mark.parametrize(("precision", "calibrated"), [("fp32", False), ("int8", True)])
def test_files_are_exported_for_the_device_at_the_profile_s_precision(
        session: Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, precision: str, calibrated: bool) -> None:
    asked: list[dict[str, Any]] = []

    class Exporter:
        suffix = ".onnx"

        def export(self, items: list[Any], **options: Any) -> None:
            asked.append(options | {"calibration": [item.calibration is not None for item in items]})

    monkeypatch.setattr(batches, "exporter", lambda name: Exporter())
    profile = Profile(tmp_path / "p.jsonl", session.profile.header.model_copy(update={"precision": precision}))
    device = DEVICE.model_copy(update={"target": "aarch64"})
    artifacts = batches.exported([(nn.ReLU(), (1, 4, 4)), (nn.ReLU(), (2, 4, 4))], device, profile, tmp_path)
    assert asked == [{"target": "aarch64", "precision": precision, "calibration": [calibrated] * 2}]
    assert [(a.id, a.path.name) for a in artifacts] == [("0", "0.onnx"), ("1", "1.onnx")]
