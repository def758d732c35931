"""Families whose members are found by file name, and beyond edgenas by an installed package's entry points.

A new member in edgenas is a new file, with no list to edit. Outside, a package states it as an entry point of the
family's group, which names the module (examples/plugin has one of each):

    [options.entry_points]
    edgenas.strategies =
        coin = my_package.coin
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import importlib.resources
from pathlib import PurePath
from types import ModuleType

from edgenas.errors import UserCodeError, unknown
from edgenas.text import one_line

GROUPS = {
    ("edgenas.cli.commands", ""): "edgenas.commands",
    ("edgenas.flow.starters", ""): "edgenas.starters",
    ("edgenas.data.sources", ""): "edgenas.sources",
    ("edgenas.export.exporters", ""): "edgenas.formats",
    ("edgenas.export.probes", ""): "edgenas.probes",
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
    return sorted(own | set(_elsewhere(GROUPS.get((package, prefix), ""))) if suffix == ".py" else own)


def load(package: str, name: str, what: str, prefix: str = "") -> ModuleType:
    """Import member `name` of a family; edgenas' own hides another package's of the same name.

    Raises: UsageError naming the nearest member if there is none; UserCodeError if another package's cannot be
    imported.
    """
    known = names(package, prefix)
    if name not in known:
        raise unknown(what, name, known)
    elsewhere = _elsewhere(GROUPS.get((package, prefix), "")).get(name)
    if elsewhere is None or importlib.resources.files(package).joinpath(f"{prefix}{name}.py").is_file():
        return importlib.import_module(f"{package}.{prefix}{name}")
    try:
        module: ModuleType = elsewhere.load()
    except Exception as error:
        raise UserCodeError(f"the {what} {name!r} of the installed package {_package(elsewhere)} cannot be imported: "
                            f"{type(error).__name__}: {one_line(str(error), 200)}",
                            f"mend that package, or pip uninstall {_package(elsewhere)}") from error
    return module


@functools.cache
def _elsewhere(group: str) -> dict[str, importlib.metadata.EntryPoint]:
    """Name -> entry point, of the members that installed packages state. Nothing of theirs is imported."""
    return {entry.name: entry for entry in importlib.metadata.entry_points(group=group)} if group else {}


def _package(entry: importlib.metadata.EntryPoint) -> str:
    return entry.dist.name if entry.dist else entry.module.partition(".")[0]
