from __future__ import annotations

from io import BytesIO

import datasets
import pytest
from PIL import Image

from edgenas.data import load
from edgenas.data.sources import hub
from edgenas.errors import DataError


def test_offline_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    with pytest.raises(DataError, match="the data set no-one/nothing .* cannot be read: ") as caught:
        hub.read("no-one/nothing")
    assert "\n" not in caught.value.message
    assert "network" in caught.value.hint


def test_what_the_hub_gives_is_loaded_without_running_its_code(monkeypatch):
    def image(value):
        stream = BytesIO()
        Image.new("L", (6, 6), 10 * value).save(stream, "PNG")
        return {"bytes": stream.getvalue(), "path": f"{value}.png"}

    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["a", "b"])})
    columns = {"image": [image(value) for value in range(20)], "label": [0, 1] * 10}
    calls = []

    def load_dataset(*args, **kwargs):
        calls.append((args, kwargs))
        return datasets.DatasetDict(train=datasets.Dataset.from_dict(columns, features))

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    task = load("someone/letters")
    assert calls == [(("someone/letters",), {})]
    assert task.name == "someone/letters"
    assert task.classes == ("a", "b")
    assert (task.train.images[:, 0, 0, 0] // 10 % 2 == task.train.labels).all()
