"""Families whose members are found by file name, and beyond edgenas by an installed package's entry points.

A new member in edgenas is a new file, with no list to edit. Outside, a package states it as an entry point of the
family's group, which names the module (examples/plugin has one of each), or a user names it as FILE.py:NAME:

    [options.entry_points]
    edgenas.strategies =
        coin = my_package.coin
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import importlib.resources
import inspect
from pathlib import PurePath
from types import ModuleType
from typing import TypeVar, cast

from edgenas.errors import UserCodeError, unknown
from edgenas.imports import import_object
from edgenas.text import one_line

Kind = TypeVar("Kind")

GROUPS = {
    ("edgenas.cli.commands", ""): "edgenas.commands",
    ("edgenas.flow.starters", ""): "edgenas.starters",
    ("edgenas.data.sources", ""): "edgenas.sources",
    ("edgenas.export.exporters", ""): "edgenas.formats",
    ("edgenas.report.sections", ""): "edgenas.sections",
    ("edgenas.measure.runtimes", "run_"): "edgenas.runtimes",
    ("edgenas.measure.transports", ""): "edgenas.transports",
    ("edgenas.search.strategies", ""): "edgenas.strategies",
    ("edgenas.space.spaces", ""): "edgenas.spaces",
}
"""Package and prefix of a family -> the group of entry points of its members elsewhere."""


def names(package: str, prefix: str = "", suffix: str = ".py") -> list[str]:
    """Names of the files `<prefix><name><suffix>` in an importable `package`, and of installed packages' members."""
    files = (PurePath(entry.name).name for entry in importlib.resources.files(package).iterdir())
    stems = [f.removeprefix(prefix).removesuffix(suffix) for f in files
             if f.startswith(prefix) and f.endswith(suffix)]
    own = {stem for stem in stems if not stem.startswith("_")}
    return sorted(own | set(_installed(GROUPS.get((package, prefix), ""))) if suffix == ".py" else own)


def load(package: str, name: str, what: str, prefix: str = "") -> ModuleType:
    """Import member `name` of a family; edgenas' own hides another package's of the same name.

    Raises: UsageError naming the nearest member if there is none; UserCodeError if another package's cannot be
    imported.
    """
    known = names(package, prefix)
    if name not in known:
        raise unknown(what, name, known)
    elsewhere = _installed(GROUPS.get((package, prefix), "")).get(name)
    if elsewhere is None or importlib.resources.files(package).joinpath(f"{prefix}{name}.py").is_file():
        return importlib.import_module(f"{package}.{prefix}{name}")
    try:
        module: ModuleType = elsewhere.load()
    except Exception as error:
        raise UserCodeError(f"the {what} {name!r} of the installed package {_package(elsewhere)} cannot be imported: "
                            f"{type(error).__name__}: {one_line(str(error), 200)}",
                            f"mend that package, or pip uninstall {_package(elsewhere)}") from error
    return module


def instance(package: str, name: str, what: str, attribute: str, kind: type[Kind]) -> Kind:
    """What the file of member `name` calls `attribute`, an object of that kind; errors as of `load`.

    Raises: UserCodeError besides, if the file has no such object.
    """
    found: object = vars(load(package, name, what)).get(attribute)
    if not isinstance(found, kind):
        raise _lacks(name, what, attribute, f"of the class {kind.__name__}")
    return found


def subclass(package: str, name: str, what: str, attribute: str, kind: type[Kind]) -> type[Kind]:
    """What the file of member `name` calls `attribute`, a class derived from that kind; errors as of `instance`."""
    found: object = vars(load(package, name, what)).get(attribute)
    if not _derives(found, kind):
        raise _lacks(name, what, attribute, f"a class derived from {kind.__name__}")
    return cast("type[Kind]", found)


def users_instance(text: str, option: str, what: str, kind: type[Kind]) -> Kind:
    """The object of that kind that the user named as FILE.py:NAME or MODULE:NAME, on the command line or in a call.

    Never call this with what a file says (a device's, a manifest, a profile): it runs code. A run's configuration may
    say it, see edgenas.flow.trust.

    Raises: UsageError if there is no such object; UserCodeError if the code fails.
    """
    found: Kind = import_object(text, option, what, lambda value: isinstance(value, kind))
    return found


def users_subclass(text: str, option: str, what: str, kind: type[Kind]) -> type[Kind]:
    """As `users_instance`, a class derived from that kind."""
    found: type[Kind] = import_object(text, option, what, lambda value: _derives(value, kind))
    return found


def _derives(value: object, kind: type) -> bool:
    return isinstance(value, type) and issubclass(value, kind) and not inspect.isabstract(value)


def _lacks(name: str, what: str, attribute: str, how: str) -> UserCodeError:
    return UserCodeError(f"the file of {what} {name!r} has no {attribute} that is {how}",
                         f"write {attribute} = … at its end")


@functools.cache
def _installed(group: str) -> dict[str, importlib.metadata.EntryPoint]:
    """Name -> entry point, of the members that installed packages state. Nothing of theirs is imported."""
    return {entry.name: entry for entry in importlib.metadata.entry_points(group=group)} if group else {}


def _package(entry: importlib.metadata.EntryPoint) -> str:
    return entry.dist.name if entry.dist else entry.module.partition(".")[0]
