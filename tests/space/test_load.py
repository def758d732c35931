from __future__ import annotations

import sys
from pathlib import Path

import pytest

from edgenas.errors import UsageError, UserCodeError
from edgenas.space import load_space, space_names
from edgenas.space.load import grows, summary

OWN = '''
from __future__ import annotations
from typing import Annotated
from annotated_types import Gt
from torch import nn
from edgenas.space import Choice

def tiny(shape, classes, *, width: Annotated[int, Gt(0)] = 4):
    """My own."""
    return nn.Sequential(nn.Conv2d(shape[0], width, 3), Choice({"a": nn.ReLU(), "b": nn.ReLU6()}))
'''
SHAPE = (1, 8, 8)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "own_space_for_a_test.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return tmp_path / "own_space_for_a_test.py"


@pytest.mark.parametrize("where", ["own_space_for_a_test.py:tiny", "own_space_for_a_test:tiny"])
def test_a_users_own_space_by_file_or_by_module(own: Path, where: str) -> None:
    space = load_space(where, SHAPE, 3, {"width": "6"})
    assert space.name == where
    assert space.options == {"width": 6}
    assert space.choices == {"1": ("a", "b")}
    assert space.parts[1].input_shape == (6, 6, 6)
    with pytest.raises(UsageError, match=f"option width=0 of space '{where}' is refused"):
        load_space(where, SHAPE, 3, {"width": "0"})


def test_a_users_own_space_that_is_not_there(own: Path) -> None:
    with pytest.raises(UsageError, match="no known function") as caught:
        load_space(f"{own}:tine", SHAPE, 3)
    assert "did you mean 'tiny'" in caught.value.hint
    with pytest.raises(UsageError, match="there is no Python file") as caught:
        load_space("other.py:tiny", SHAPE, 3)
    assert "--space" in caught.value.hint


def test_options_are_typed_and_the_others_keep_their_defaults() -> None:
    space = load_space("mobile", SHAPE, 3, {"width": "0.5", "squeeze_excite": "true", "activation": "hardswish"})
    assert space.options == {"width": 0.5, "depth": 3, "activation": "hardswish", "squeeze_excite": True,
                             "round_to": 8}


@pytest.mark.parametrize(("name", "value"), [
    ("width", "-1"), ("width", "0"), ("width", "abc"), ("width", "nan"), ("width", "inf"), ("width", ""),
    ("depth", "0"), ("depth", "1.5"), ("activation", "swish"), ("squeeze_excite", "perhaps"), ("round_to", "0"),
])
def test_values_that_cannot_be_are_refused_in_one_sentence(name: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"option {name}={value} of space 'mobile' is refused") as caught:
        load_space("mobile", SHAPE, 3, {name: value})
    assert "\n" not in caught.value.message


def test_unknown_names_are_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="'widht' is no known option of space 'mobile'") as caught:
        load_space("mobile", SHAPE, 3, {"widht": "1"})
    assert "did you mean 'width'" in caught.value.hint
    with pytest.raises(UsageError, match="'mobil' is no known space") as caught:
        load_space("mobil", SHAPE, 3)
    assert "did you mean 'mobile'" in caught.value.hint


@pytest.mark.parametrize("name", space_names())
def test_every_space_is_listed_with_a_summary_and_works_with_its_defaults(name: str) -> None:
    assert len(summary(name)) > 20
    space = load_space(name, SHAPE, 3)
    assert space.size > 1
    assert all(part.input_shape for part in space.parts)


def test_the_mobile_space_is_listed() -> None:
    assert "mobile" in space_names()


@pytest.mark.parametrize(("body", "words"), [
    ("return 5", "returned a int, not a torch.nn.Module"), ("return tiny(shape, classes)", "line 9: RecursionError"),
    ("raise SystemExit", "line 9: it ends the program"), ("return shape.nothing", "line 9: AttributeError"),
])
def test_a_users_space_that_fails_when_it_is_called_is_one_sentence(own: Path, body: str, words: str) -> None:
    own.write_text(OWN[:OWN.index("    return nn")].replace('    """My own."""\n', f"    {body}\n"))
    space = load_space(f"{own}:tiny", SHAPE, 3)
    with pytest.raises(UserCodeError, match=words) as caught:
        _ = space.choices
    assert f"--space {own}:tiny" in caught.value.message and "returns the network" in caught.value.hint


def test_annotations_that_mean_nothing_are_the_users_code(own: Path) -> None:
    own.write_text(OWN.replace("Annotated[int, Gt(0)]", "Nothing"))
    with pytest.raises(UserCodeError, match="NameError: name 'Nothing' is not defined"):
        load_space(f"{own}:tiny", SHAPE, 3)


@pytest.mark.parametrize(("options", "grown", "expected"), [
    ({}, {}, False), ({}, {"cells": "8"}, False), ({}, {"cells": "9"}, True), ({"cells": "2"}, {"cells": "8"}, True),
    ({"cells": "2"}, {"cells": "2"}, False),
])
def test_networks_grow_only_where_an_option_differs_its_default_included(options: dict[str, str],
                                                                         grown: dict[str, str], expected: bool) -> None:
    assert grows("cell", options, grown) is expected
    assert load_space("cell", (3, 32, 32), 10, options, grown).inherits is not expected
