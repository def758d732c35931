from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from edgenas.data import load
from edgenas.data.sources import function
from edgenas.errors import DataError, UsageError, UserCodeError

PAIR_OF_ARRAYS = """
import numpy as np
def images(count): return np.arange(count * 30, dtype=np.uint8).reshape(count, 5, 6)
def sets(): return (images(20), np.arange(20) % 2), (images(4), np.arange(4) % 2)
"""
TENSORS = """
import torch
def images(count): return torch.arange(count * 30).to(torch.uint8).reshape(count, 1, 5, 6) / 255
def sets(): return (images(20), torch.arange(20) % 2), (images(4), torch.arange(4) % 2)
"""
TORCH_DATASET = """
import torch
class Set(torch.utils.data.Dataset):
    def __init__(self, count): self.count = count
    def __len__(self): return self.count
    def __getitem__(self, i):  # never raises IndexError
        return (torch.arange(30) + 30 * i).to(torch.uint8).reshape(1, 5, 6), torch.tensor(i % 2)
def sets(): return Set(20), Set(4)
"""
PILLOW_PAIRS = """
import helper_beside
from PIL import Image
import numpy as np
def pairs(count): return [(Image.fromarray(np.arange(30 * i, 30 * i + 30).astype(np.uint8).reshape(5, 6)),
                           helper_beside.name(i)) for i in range(count)]
def sets(): return pairs(20), pairs(4)
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module into the current directory; gives the `--data` value."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "helper_beside.py").write_text("def name(i): return ('even', 'odd')[i % 2]\n")

    def write(code, name="sets"):
        (tmp_path / "user_sets.py").write_text(code)
        return f"user_sets:{name}"

    yield write
    sys.modules.pop("user_sets", None)
    sys.modules.pop("helper_beside", None)


@pytest.mark.filterwarnings("ignore::edgenas.data.DataWarning")  # the test images are those of train
@pytest.mark.parametrize("code", [PAIR_OF_ARRAYS, TENSORS, TORCH_DATASET, PILLOW_PAIRS])
def test_every_form_of_set(module, code):
    task = load(module(code))
    expected = np.arange(4 * 30, dtype=np.uint8).reshape(4, 1, 5, 6)
    np.testing.assert_array_equal(task.test.images.numpy(), expected)
    assert task.test.labels.tolist() == [0, 1, 0, 1]
    assert task.classes == (("even", "odd") if code is PILLOW_PAIRS else ("0", "1"))
    assert len(task.train) + len(task.validation) == 20
    assert task.train.images.dtype == torch.uint8


@pytest.mark.parametrize(("code", "name", "message"), [
    ("sets = 5", "sets", "'sets' is no known function of user_sets"),
    ("", "sets", "'sets' is no known function of user_sets"),
    ("def sets(:", "sets", r"user_sets failed in .*user_sets.py, line 1: SyntaxError"),
    ("import no_such_package", "sets", "cannot import 'user_sets': No module named 'no_such_package'"),
    ("def sets(): raise KeyError('mine')", "sets", r"user_sets:sets failed in .*, line 1: KeyError: 'mine'"),
    ("def sets(): return None", "sets", "did not return a train and a test set, but NoneType"),
    ("def sets(): return [], [], [], []", "sets", "did not return a train and a test set, but 4 of them"),
    ("def sets(): return {'train': [], 'test': [], 'eval': [], 'dev': []}", "sets", "two validation sets"),
    ("def sets(): raise SystemExit(0)", "sets", r"user_sets:sets failed .*ends the program \(SystemExit: 0\)"),
    ("raise SystemExit", "sets", r"user_sets failed .*ends the program \(SystemExit: None\)"),
    ("def sets(): return sets()", "sets", "RecursionError"),
    ("def sets(): return [1, 2], [3]", "sets", "user_sets:sets failed.*: TypeError"),
    ("import numpy as np\ndef sets(): return [(np.zeros((5, 5)), 0), (np.zeros((5, 6)), 1)], []", "sets",
     "the train set of user_sets:sets has images of several shapes"),
    ("import numpy as np\ndef sets(): x = np.full((4, 5, 5), 3.), np.arange(4) % 2; return x, x", "sets",
     "the train set of user_sets:sets has float64 values from 3 to 3"),
    ("import numpy as np\ndef sets(): x = np.zeros((4, 5, 5)), np.arange(3); return x, x", "sets",
     "4 images but 3 labels"),
])
def test_refused(module, code, name, message):
    with pytest.raises((DataError, UsageError), match=message) as caught:
        function.read(module(code, name))
    assert caught.value.hint


def test_a_module_that_does_not_exist(module, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserCodeError, match="cannot import 'no_such_module'"):
        function.read("no_such_module:f")


SETS = """
import numpy as np
def part(first, count):
    return np.arange(first * 30, (first + count) * 30).astype(np.uint8).reshape(-1, 5, 6), np.arange(count) % 2
"""


@pytest.mark.parametrize(("given", "sizes"), [
    ("part(0, 12), part(12, 4), part(16, 2)", {"train": 12, "validation": 4, "test": 2}),
    ("{'train': part(0, 12), 'val': part(12, 4), 'test': part(16, 2)}", {"train": 12, "validation": 4, "test": 2}),
    ("{'train': part(0, 12), 'test': part(16, 2)}", {"train": 12, "test": 2}),
    ("{'train': part(0, 12)}", {"train": 12}),
])
def test_a_validation_set_is_used_as_it_is(module, given, sizes):
    raw = function.read(module(f"{SETS}def sets(): return {given}"))
    assert {name: len(part) for name, part in raw.parts.items()} == sizes
    firsts = {"train": 0, "validation": 12 * 30 % 256, "test": 16 * 30 % 256}
    assert all(int(part.images[0, 0, 0, 0]) == firsts[name] for name, part in raw.parts.items())


def test_a_file_and_a_function_in_it(tmp_path):
    (tmp_path / "my sets.py").write_text(f"{SETS}def sets(): return part(0, 12), part(12, 4)")
    task = load(f"{tmp_path / 'my sets.py'}:sets")
    assert (len(task.train) + len(task.validation), len(task.test)) == (12, 4)
    with pytest.raises(UsageError, match="there is no Python file") as caught:
        load(f"{tmp_path / 'other.py'}:sets")
    assert caught.value.hint == "give --data FILE.py:FUNCTION"
