"""A user's own code, named as `module:function` or `file.py:function`: imported, called, and blamed when it fails."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from edgenas.errors import EdgenasError, UsageError, UserCodeError, unknown
from edgenas.text import one_line, quoted

SAID = 200
"""Characters of an exception's own text that a message repeats."""
NOT_OWN = (os.path.dirname(__file__), sysconfig.get_path("stdlib"))
"""What a user may name as well, but did not write."""
GIVEN = "given:"
"""Begins the name of what is no code: a network that was made in this process."""
INSTALLED = ("site-packages", "dist-packages")
_files: set[str] = set()
"""The files of the user's modules that were imported here."""


def import_function(name: str, option: str) -> Callable[..., Any]:
    """The function that `name` says; see `import_object`."""
    found: Callable[..., Any] = import_object(name, option, "function", callable)
    return found


def import_object(name: str, option: str, what: str, suits: Callable[[object], bool]) -> Any:
    """The object that `name` says, of those that suit; the current folder is importable. Runs the user's own code.

    what: what it is called in messages.

    Raises: UsageError, naming the command-line `option`, when there is no such module or object; UserCodeError when
    the module fails.
    """
    source, colon, attribute = name.rpartition(":")
    if not colon:
        word = what.upper().replace(" ", "_")
        raise UsageError(f"{quoted(name)} names no {what}", f"give {option} MODULE:{word} or {option} FILE.py:{word}")
    with users_code(source, f"mend it, or give another {option}"):
        module = import_module(source, option)
        found = getattr(module, attribute, None)
    if not suits(found):
        raise unknown(f"{what} of {source}", attribute, (k for k, v in vars(module).items() if suits(v)))
    return found


def import_module(source: str, option: str) -> ModuleType:
    """The module of that name, or in that file `*.py`; errors as of `import_object`."""
    with users_code(source, f"mend it, or give another {option}"):
        return _import_file(Path(source), option) if source.endswith(".py") else _import_name(source, option)


@contextlib.contextmanager
def users_code(name: str, hint: str) -> Iterator[None]:
    """What the user's code within raises, an exit of the program and endless recursion too, is a UserCodeError.

    edgenas' own errors and Ctrl-C pass. name: what the user called the code.
    """
    try:
        yield
    except (EdgenasError, KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        raise failure(name, error, hint) from error


def failure(name: str, error: BaseException, hint: str) -> UserCodeError:
    """The error for a user's code that raised `error`: where, and what."""
    place = _place(error)
    where = f" in {place[0]}, line {place[1]}" if place else ""
    return UserCodeError(f"{one_line(name, SAID)} failed{where}: {_describe(error)}", hint)


def blamed(error: BaseException) -> UserCodeError | None:
    """The error for an exception that came out of a user's module, wherever that was called; None for any other."""
    place = _own_place(error)
    return failure(Path(place[0]).name, error, "mend it, then run the same command again") if place else None


def _describe(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"it ends the program (SystemExit: {quoted(error.code)})"
    try:
        said = one_line(str(error), SAID)
    except Exception:
        said = ""
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _place(error: BaseException) -> tuple[str, int] | None:
    """File and line: of a syntax error, of the user's innermost module, or of what raised."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return error.filename, error.lineno
    others = (place for place in reversed(_frames(error)) if not place[0].startswith((*NOT_OWN, "<"))
              and not any(folder in Path(place[0]).parts for folder in INSTALLED))
    return _own_place(error) or next(others, None)


def _own_place(error: BaseException) -> tuple[str, int] | None:
    return next((place for place in reversed(_frames(error)) if _is_own(place[0])), None)


def _frames(error: BaseException) -> list[tuple[str, int]]:
    return [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]


def _is_own(file: str) -> bool:
    return file in _files or os.path.abspath(file) in _files


def _import_file(path: Path, option: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"{path.stem}.py", path)  # a name that hides no module
    if not path.is_file() or spec is None or spec.loader is None:
        raise UsageError(f"there is no Python file {path}", f"give {option} FILE.py:FUNCTION")
    _files.add(os.path.abspath(path))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except ImportError as error:
        raise UserCodeError(f"cannot import {quoted(str(path))}: {one_line(str(error), SAID)}",
                            f"give {option} FILE.py:FUNCTION") from error
    return module


def _import_name(name: str, option: str) -> ModuleType:
    if "" not in sys.path:
        sys.path.insert(0, "")
    importlib.invalidate_caches()  # a file may have been written since
    hint = f"give {option} MODULE:FUNCTION"
    if not all(part.isidentifier() for part in name.split(".")):
        raise UsageError(f"{quoted(name)} is no name of a module", hint)
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        raise UserCodeError(f"cannot import {quoted(name)}: {one_line(str(error), SAID)}", hint) from error
    if module.__file__ and not module.__file__.startswith(NOT_OWN):
        _files.add(os.path.abspath(module.__file__))
    return module
