"""Whether a run's configuration may name code: only where this machine recorded it, or the user vouches for it.

`run.json` names what later phases import (`space`, `data`, `distill` as FILE.py:FUNCTION or MODULE:FUNCTION), and a
folder that they write to (`profiles`). A run folder may come from anyone, so a hash of these names, of which code they
mean on this machine, is kept outside of it when a command names them: in EDGENAS_RUNS, or the user's data folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from importlib.machinery import PathFinder
from pathlib import Path

from edgenas.data.sources import function
from edgenas.errors import StorageError, TrustError
from edgenas.files import user_folder, write_json
from edgenas.flow.config import RunConfig
from edgenas.flow.foreign_network import GIVEN
from edgenas.text import one_line

CODE = re.compile(r"(?P<source>.*):(?P<function>[^:]*)", re.DOTALL)
"""As edgenas.imports takes a name apart: a module is run before a function is looked for in it."""
SHOWN = 120


def record(folder: Path, config: RunConfig) -> None:
    """Note that the user's own command named the code of the run in `folder`."""
    names = resolved(config)
    path = _note(names)
    if not names or path.exists():
        return
    try:
        write_json(path, {"run": str(folder.resolve()), "names": names})
    except StorageError:
        return  # later commands on this run ask for --trust; this one needs no note, as the user typed the names


def is_recorded(config: RunConfig) -> bool:
    """Whether the configuration names no code, or code that a command on this machine named."""
    names = resolved(config)
    return not names or _note(names).is_file()


def check(folder: Path, config: RunConfig) -> None:
    """Raises: TrustError naming what would be imported or written to, unless `is_recorded`."""
    if is_recorded(config):
        return
    told = ", ".join(f"{option} {one_line(str(getattr(config, option)), SHOWN)}" for option in resolved(config))
    raise TrustError(f"{folder / 'run.json'} was not recorded on this machine, and names what would be imported, or "
                     f"written to: {told}", "read that code first; if you trust it, give the same command with --trust")


def resolved(config: RunConfig) -> dict[str, str]:
    """Option -> what its value means on this machine: of those that name code, and of profiles kept elsewhere."""
    named = {"space": config.space, "data": config.data, "distill": config.distill or "", "origin": config.origin or ""}
    if not function.accepts(config.data):
        del named["data"]  # a folder's name may have a colon
    if named["origin"].startswith(GIVEN):
        del named["origin"]  # no name of code: what was given in this process
    found = {option: _code(match["source"], match["function"]) for option, name in named.items()
             if (match := CODE.fullmatch(name))}
    if not config.profiles:
        return found
    from edgenas.cost.profile import profiles_folder

    if os.path.realpath(config.profiles) != os.path.realpath(profiles_folder()):
        found["profiles"] = os.path.realpath(config.profiles)
    return found


def _code(source: str, function: str) -> str:
    """The file that a name means here, with the name; where there is none, the folder that it is looked for from."""
    if source.endswith(".py"):
        return f"{os.path.realpath(source)}:{function}"
    spec = PathFinder.find_spec(source.partition(".")[0], ["", *sys.path])
    places = [spec.origin] if spec and spec.origin else list(spec.submodule_search_locations or ()) if spec else []
    return f"{os.path.realpath(places[0] if places else '')} {source}:{function}"


def _note(names: dict[str, str]) -> Path:
    digest = hashlib.sha256(json.dumps(names, sort_keys=True).encode("utf-8", "surrogateescape")).hexdigest()
    return user_folder("runs") / f"{digest}.json"
