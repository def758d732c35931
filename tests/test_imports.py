from __future__ import annotations

import sys
from pathlib import Path

import pytest

from edgenas.errors import UsageError
from edgenas.imports import import_function

CODE = '''
from __future__ import annotations
from dataclasses import dataclass

@dataclass
class Point:
    x: int

def double(x):
    return 2 * Point(x).x

NUMBER = 3
'''


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "own_code_of_a_test.py").write_text(CODE)
    (tmp_path / "needs_more.py").write_text("import no_such_module_anywhere\ndef f(): ...\n")
    (tmp_path / "json.py").write_text("def own(): return 'own'\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p])
    return tmp_path


def test_a_function_by_file(folder: Path) -> None:
    assert import_function("own_code_of_a_test.py:double", "--data")(4) == 8
    assert import_function(f"{folder}/own_code_of_a_test.py:double", "--data")(4) == 8


def test_a_function_by_module_of_the_current_folder_or_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert import_function("own_code_of_a_test:double", "--data")(4) == 8
    monkeypatch.delitem(sys.modules, "own_code_of_a_test")
    assert import_function("os.path:basename", "--data")("a/b") == "b"


def test_a_file_named_like_a_module_does_not_replace_it() -> None:
    import json

    assert import_function("json.py:own", "--data")() == "own"
    assert sys.modules["json"] is json


@pytest.mark.parametrize(("name", "message", "hint"), [
    ("double", "'double' names no function", "give --data MODULE:FUNCTION or --data FILE.py:FUNCTION"),
    ("other.py:double", "there is no Python file other.py", "--data FILE.py:FUNCTION"),
    ("no_such_module_anywhere:double", "cannot import 'no_such_module_anywhere'", "--data MODULE:FUNCTION"),
    ("needs_more:f", "cannot import 'needs_more': No module named 'no_such_module_anywhere'", "--data"),
    ("needs_more.py:f", "cannot import 'needs_more.py': No module named 'no_such_module_anywhere'", "--data"),
    ("own_code_of_a_test.py:doubel", "'doubel' is no known function of own_code_of_a_test.py", "did you mean 'double'"),
    ("own_code_of_a_test.py:NUMBER", "'NUMBER' is no known function of own_code_of_a_test.py", "known: Point, da"),
    ("own_code_of_a_test.py:", "'' is no known function of own_code_of_a_test.py", "known: Point, da"),
])
def test_what_is_not_there_is_refused_with_the_option_to_give(name: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        import_function(name, "--data")
    assert message in caught.value.message
    assert hint in caught.value.hint
