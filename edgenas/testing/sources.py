"""What every data source must do: take its own values and no other's, and read the same data each time."""

from __future__ import annotations

import pytest
import torch

from edgenas.data import load
from edgenas.data.sources import every

OTHERS = (("mnist", "mnist"), ("digits", "digits"), ("no_such.npz", "FILE.npz"), ("", None), ("1:2", None),
          ("no_such_module:function", "MODULE:FUNCTION or FILE.py:FUNCTION"), ("../no/such/folder", None),
          ("a b", None))
"""Values, and whose they are."""


class SourceContract:
    """Inherit it, and say with the fixture `source` a value of `--data` that is there, of images of one size."""

    @pytest.fixture
    def source(self) -> str:
        raise NotImplementedError("say with a fixture `source` which value is meant")

    def test_one_source_takes_it(self, source: str) -> None:
        taking = [each for each in every() if each.accepts(source)]
        assert len(taking) == 1 and taking[0].form

    @pytest.mark.parametrize(("value", "form"), OTHERS)
    def test_it_takes_no_value_that_is_anothers(self, source: str, value: str, form: str | None) -> None:
        assert [each.form for each in every() if each.accepts(value)] == ([] if form is None else [form])

    def test_it_gives_a_task(self, source: str) -> None:
        task = load(source)
        assert len(task.classes) > 1 and len(set(task.classes)) == len(task.classes)
        for part in (task.train, task.validation, task.test):
            assert len(part.labels) == len(part.images) > 0 and part.images.dtype == torch.uint8
            assert part.images.ndim == 4 and part.images.shape[1] in (1, 3)
            assert int(part.labels.min()) >= 0 and int(part.labels.max()) < len(task.classes)

    def test_it_gives_the_same_each_time(self, source: str) -> None:
        assert load(source).fingerprint == load(source).fingerprint
