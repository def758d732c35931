from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from edgenas.cli.failures import failure_of
from edgenas.errors import Fault, StorageError, UsageError, UserCodeError
from edgenas.imports import blamed, import_function, users_code

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


FAILING = [
    ("raise KeyError('a')", "line 1: KeyError: 'a'"), ("x = (", "line 1: SyntaxError: '(' was never closed"),
    ("import sys; sys.exit()", "line 1: it ends the program (SystemExit: None)"),
    ("raise BaseException", "line 1: BaseException"), ("def f(): f()\nf()", "line 1: RecursionError"),
    ("class E(Exception):\n    def __str__(self): raise self\nraise E", "line 3: E"),
    ("def __getattr__(name): 1/0", "line 1: ZeroDivisionError"),
    ("raise ValueError('x' * 9999)", "line 1: ValueError: x"),
    ("raise ValueError('\\x1b[2J')", r"line 1: ValueError: \x1b[2J"), ("\0", "null bytes"),
]


@pytest.mark.parametrize(("code", "words"), FAILING)
@pytest.mark.parametrize("form", ["failing.py:f", "failing:f"])
def test_whatever_a_module_does_on_import_is_one_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch, form: str,
                                                          code: str, words: str) -> None:
    monkeypatch.delitem(sys.modules, "failing", raising=False)
    (folder / "failing.py").write_text(code)
    with pytest.raises(UserCodeError, match=re.escape(words)) as caught:
        import_function(form, "--space")
    assert "failing" in caught.value.message and len(caught.value.message) < 600
    assert "--space" in caught.value.hint


def test_what_passes_through_is_edgenas_own_and_ctrl_c() -> None:
    for error in (KeyboardInterrupt(), StorageError("full")):
        with pytest.raises(type(error)), users_code("f", ""):
            raise error


def test_a_user_s_function_is_blamed_wherever_it_is_called(folder: Path) -> None:
    (folder / "later.py").write_text("def f(x):\n    return x.nothing\n")
    function = import_function("later.py:f", "--space")
    with pytest.raises(AttributeError) as caught:
        function(3)
    error = failure_of(caught.value)
    assert isinstance(error, UserCodeError) and "later.py, line 2: AttributeError" in error.message
    assert "mend it" in error.hint


def test_others_are_not_blamed_on_a_user() -> None:
    join = import_function("os.path:join", "--data")
    with pytest.raises(TypeError) as caught:
        join(3)
    assert blamed(caught.value) is None and isinstance(failure_of(caught.value), Fault)
