"""A run: the folder that one specialisation leaves behind, and what is recorded in it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from edgenas.errors import RunError
from edgenas.files import write_json
from edgenas.flow import trust
from edgenas.flow.config import RunConfig

if TYPE_CHECKING:
    from edgenas.space.architecture import Architecture

UNSTARTED = ("run.json", "data.json")  # what a run has before its search begins


class Run:
    """A folder, its configuration and its records. Open it with `Run.create` or `Run.open`.

    What its phases work with, data, space and targets, is a `Work` of it (flow/work.py). trusted: whether the user
    named the code that the configuration names, or vouches for it.
    """

    def __init__(self, folder: Path, config: RunConfig, trusted: bool = True) -> None:
        self.folder = folder
        self.config = config
        self.trusted = trusted

    @classmethod
    def create(cls, folder: Path, config: RunConfig, *, resume: bool) -> Run:
        """Start a run in `folder`, or go on with the same run there.

        Another run that was refused before its search began is replaced.

        Raises: RunError when the folder holds something else, or holds this run and `resume` was not asked for.
        """
        path = folder / "run.json"
        if os.path.lexists(path):
            known = RunConfig.read(path)
            if config.is_same_run(known):
                if not resume:
                    raise RunError(f"{folder} holds this run already",
                                   "add --resume to go on with it, or choose another --out")
                trust.record(folder, known)
                return cls(folder, known)
            if any(entry.name not in UNSTARTED for entry in folder.iterdir()):
                name, (ours, theirs) = next(iter(config.differences(known).items()))
                raise RunError(f"{folder} holds another run: its {name} is {theirs}, not {ours}",
                               "choose another --out, or delete that folder")
        elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise RunError(f"{folder} exists and is no run of edgenas", "choose another --out")
        write_json(path, config.model_dump(mode="json"))
        trust.record(folder, config)
        return cls(folder, config)

    @classmethod
    def open(cls, folder: Path, *, trusted: bool = False) -> Run:
        """The run in `folder`. trusted: the user vouches for the code that it names.

        Raises: RunError when `folder` holds no readable run. What imports that code raises TrustError, unless a command
        on this machine named it or it is `trusted`.
        """
        return cls(folder, RunConfig.read(folder / "run.json"), trusted)

    def check_trust(self) -> None:
        """Raises: TrustError for a configuration that names code which nobody vouched for."""
        if not self.trusted:
            trust.check(self.folder, self.config)

    @property
    def artifacts(self) -> Path:
        return self.folder / "artifacts"

    def weights(self, name: str = "weights") -> Path:
        """The file of the weights of that name: the trained network's, the supernet's."""
        return self.folder / f"{name}.safetensors"

    @property
    def architecture(self) -> Architecture:
        """As it was kept; `Work.architecture` is checked against the space.

        Raises: RunError when the search is not done.
        """
        from edgenas.space.architecture import Architecture  # whose package takes PyTorch

        path = self.folder / "architecture.json"
        if not path.exists():
            raise RunError(f"the search in {self.folder} is not finished: there is no architecture yet",
                           f"run the recorded command again with --resume: {shlex.join(self.config.command)} --resume")
        return Architecture.load(path)



def check_holds_only(folder: Path, is_own: Callable[[str], bool], kind: str, option: str) -> None:
    """Raises: RunError for a folder of several runs that is a file, or holds anything but what `is_own` says of names.

    kind: what each of them is. option: of the command line, which asks for such a folder.
    """
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder} is a file", "choose another --out")
    foreign = [path.name for path in sorted(folder.glob("*")) if not is_own(path.name)]
    if foreign:
        what = "a single run" if "run.json" in foreign else f"{foreign[0]!r}, which is no {kind}"
        raise RunError(f"{folder} holds {what}", f"choose another --out for {option}")
