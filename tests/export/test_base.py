from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from edgenas.errors import ExportError, UsageError
from edgenas.export.base import Export, Exporter, in_batches
from edgenas.export.extras import import_extra
from edgenas.export.package.labelled import _Labelled

ITEMS = [Export(nn.Identity(), torch.zeros(1), Path(str(index))) for index in range(9)]


@given(st.integers(1, 12), st.integers(0, 9))
def test_every_item_is_written_once_and_reported_in_order(size: int, count: int) -> None:
    written: list[Export] = []
    done: list[Export] = []
    in_batches(ITEMS[:count], size, written.extend, done.append)
    assert written == done == ITEMS[:count]


@given(st.integers(1, 12), st.integers(0, 8))
def test_a_failing_item_is_tried_alone_after_all_before_it(size: int, bad: int) -> None:
    done: list[Export] = []

    def write(batch) -> None:
        if ITEMS[bad] in batch:
            raise ExportError(" ".join(item.path.name for item in batch))

    with pytest.raises(ExportError) as caught:
        in_batches(ITEMS, size, write, done.append)
    assert caught.value.message == str(bad)
    assert done == ITEMS[:bad]


def test_a_missing_package_names_its_extra() -> None:
    with pytest.raises(UsageError) as caught:
        import_extra("no_such_package.part", "onnx")
    assert "'no_such_package'" in caught.value.message
    assert "edgenas[onnx]" in caught.value.hint


def test_a_package_that_fails_on_a_missing_one_of_its_own_is_not_called_missing(tmp_path, monkeypatch) -> None:
    (tmp_path / "half_installed.py").write_text("import no_such_package\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        import_extra("half_installed", "onnx")


def test_an_exporter_whose_files_say_what_they_are_can_do_all_that_it_can() -> None:
    """What a format can do is asked of the exporter at hand, so one around another hands everything on."""
    own = {name for name, value in vars(Exporter).items() if callable(value) and not name.startswith("_")}
    alike = {"check_precision", "tuned", "label"}
    assert own - alike <= set(vars(_Labelled)) and own - {"export"} > alike
