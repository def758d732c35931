from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgenas import plugins
from edgenas.errors import UsageError, UserCodeError

PACKAGE = "plugins_of_a_test"


@pytest.fixture(autouse=True)
def family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / PACKAGE
    folder.mkdir()
    for name in ("__init__.py", "_hidden.py", "zebra.py", "to_ant.py", "note.txt", "a.toml"):
        (folder / name).write_text(f"NAME = {name!r}\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [n for n in sys.modules if n.startswith(PACKAGE)]:
        del sys.modules[name]


def test_members_are_the_files_of_that_name_sorted() -> None:
    assert plugins.names(PACKAGE) == ["to_ant", "zebra"]
    assert plugins.names(PACKAGE, prefix="to_") == ["ant"]
    assert plugins.names(PACKAGE, suffix=".toml") == ["a"]


def test_a_new_file_is_a_new_member(family: Path) -> None:
    (family / "cat.py").write_text("NAME = 'new'\n")
    assert "cat" in plugins.names(PACKAGE)
    assert plugins.load(PACKAGE, "cat", "animal").NAME == "new"


def test_load_gives_the_module_of_the_file() -> None:
    assert plugins.load(PACKAGE, "zebra", "animal").NAME == "zebra.py"
    assert plugins.load(PACKAGE, "ant", "animal", prefix="to_").NAME == "to_ant.py"


@pytest.mark.parametrize("name", ["zebr", "_hidden", "__init__", "../zebra", "note", ""])
def test_what_is_no_member_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is no known animal") as caught:
        plugins.load(PACKAGE, name, "animal")
    assert "known: to_ant, zebra" in caught.value.hint


def test_the_nearest_member_is_named() -> None:
    with pytest.raises(UsageError) as caught:
        plugins.load(PACKAGE, "zebar", "animal")
    assert "did you mean 'zebra'?" in caught.value.hint


def test_what_a_file_calls_its_member_must_be_of_the_family(family: Path) -> None:
    assert plugins.instance(PACKAGE, "zebra", "animal", "NAME", str) == "zebra.py"
    with pytest.raises(UserCodeError, match="the file of animal 'zebra' has no NAME that is of the class int"):
        plugins.instance(PACKAGE, "zebra", "animal", "NAME", int)
    with pytest.raises(UserCodeError, match="animal 'zebra' has no ANIMAL that is of the class str") as caught:
        plugins.instance(PACKAGE, "zebra", "animal", "ANIMAL", str)
    assert caught.value.hint == "write ANIMAL = … at its end"


def test_a_class_of_the_family_is_one_derived_from_its_base_that_can_be_made(family: Path) -> None:
    (family / "cat.py").write_text("from abc import ABC, abstractmethod\nOWN = KeyError\nOTHER = int\n"
                                   "MADE = KeyError()\nclass Half(KeyError, ABC):\n    @abstractmethod\n"
                                   "    def cry(self): ...\n")
    assert plugins.subclass(PACKAGE, "cat", "animal", "OWN", LookupError) is KeyError
    for name in ("OTHER", "MADE", "Half", "NONE"):
        with pytest.raises(UserCodeError, match=f"has no {name} that is a class derived from LookupError"):
            plugins.subclass(PACKAGE, "cat", "animal", name, LookupError)


def test_a_user_names_a_member_by_its_file(family: Path) -> None:
    path = family / "cat.py"
    path.write_text("class Cat(KeyError): ...\ncat = Cat()\nNUMBER = 3\n")
    assert isinstance(plugins.users_instance(f"{path}:cat", "--animal", "animal", LookupError), KeyError)
    assert plugins.users_subclass(f"{path}:Cat", "--animal", "animal", LookupError).__name__ == "Cat"
    with pytest.raises(UsageError, match="'NUMBER' is no known animal of") as caught:
        plugins.users_subclass(f"{path}:NUMBER", "--animal", "animal", LookupError)
    assert caught.value.hint == "known: Cat"
    with pytest.raises(UsageError, match="there is no Python file"):
        plugins.users_instance(f"{family / 'dog.py'}:cat", "--animal", "animal", LookupError)
