"""What a run was asked to do: everything that its result depends on."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from edgenas import __version__
from edgenas.cost.budget import Request
from edgenas.errors import FileError, RunError
from edgenas.files import JSON_LIMIT, parse_json, read_bounded
from edgenas.measure.measurement import STATISTICS
from edgenas.measure.runtime import Precision, precision_for
from edgenas.record import misfit
from edgenas.search.settings import SearchSettings
from edgenas.train.settings import QatSettings, TrainSettings

SCHEMA: Literal[2] = 2
MAX_DROP = 0.5
ANEW = "start the run anew in another folder"
PROVENANCE = {"command", "created", "edgenas", "teacher"}  # what may differ between two starts of one run


class RunConfig(BaseModel):
    """The resolved request, as `run.json` keeps it. Two runs of equal configurations give equal architectures.

    precision: of the exported network. max_drop: points of validation accuracy that an int8 file may lose. origin: what
    builds the user's own network that is made to fit, with those weights, of that fingerprint; mean, std: what it was
    trained with; new_head, teach_epochs: its classifier is replaced, and it is trained first; keep: patterns of
    its modules that are not cut; teacher: the folder of a run whose uncut network is the same, taught already.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    schema_version: Literal[2] = SCHEMA
    edgenas: str = __version__
    command: tuple[str, ...] = ()
    created: str = ""

    data: str
    data_fingerprint: str
    image_size: int | None = None
    max_images: int | None = None
    on_bad_image: Literal["error", "skip"] = "error"

    device: str
    runtime: str
    precision: Precision = "fp32"
    threads: int
    statistic: str = STATISTICS[0]
    profiles: str | None = None

    space: str = "mobile"
    space_options: dict[str, str] = {}
    build_options: dict[str, str] = {}
    unsupported: dict[str, dict[str, str]] = {}
    strategy: str = "snas"
    strategy_options: dict[str, str] = {}
    budgets: tuple[Request, ...]

    seed: int = 0
    search: SearchSettings = SearchSettings()
    train: TrainSettings = TrainSettings()
    inherit: bool = True
    origin: str | None = None
    weights: str | None = None
    network_sha256: str | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    new_head: bool = False
    teach_epochs: Annotated[int, Ge(0)] = 0
    keep: tuple[str, ...] = ()
    teacher: str | None = None
    distill: str | None = None

    qat: QatSettings = QatSettings()
    max_drop: Annotated[float, Ge(0)] = MAX_DROP

    accelerator: str = "auto"
    training_precision: str = "32-true"

    @field_validator("command")
    @classmethod
    def _of_edgenas(cls, command: tuple[str, ...]) -> tuple[str, ...]:
        """Messages say to run it again."""
        if command and command[0] != "edgenas":
            raise ValueError("it is no command of edgenas")
        return command

    @model_validator(mode="before")
    @classmethod
    def _current(cls, values: Any) -> Any:
        """Schema 1 called the precision of training `precision`, and the exported network's was its runtime's first."""
        if isinstance(values, dict) and values.get("schema_version") == 1 and "runtime" in values:
            training = values.get("precision", "32-true")
            return values | {"schema_version": SCHEMA, "training_precision": training,
                             "precision": precision_for(str(values["runtime"]))}
        return values

    def is_same_run(self, other: RunConfig) -> bool:
        return self.model_dump(exclude=PROVENANCE) == other.model_dump(exclude=PROVENANCE)

    def differences(self, other: RunConfig) -> dict[str, tuple[Any, Any]]:
        """What makes two runs differ: name -> (ours, theirs); the fingerprint, which follows from others last."""
        ours, theirs = self._flat(), other._flat()
        names = sorted(dict.fromkeys([*ours, *theirs]), key=lambda name: name == "data_fingerprint")
        return {name: (ours.get(name), theirs.get(name)) for name in names if ours.get(name) != theirs.get(name)}

    def _flat(self) -> dict[str, Any]:
        values = self.model_dump(exclude=PROVENANCE)
        values["budgets"] = " ".join(f"{b.metric}={b.text}" for b in self.budgets)
        return {f"{name}.{inner}" if inner else name: value for name, given in values.items()
                for inner, value in (given.items() if isinstance(given, dict) else [("", given)])}

    @classmethod
    def read(cls, path: Path) -> RunConfig:
        """Raises: RunError when the file is missing, damaged or of another schema."""
        try:
            known = parse_json(read_bounded(path, JSON_LIMIT)) if os.path.lexists(path) else None
            if known is None:
                raise RunError(f"{path.parent} holds no run: there is no {path.name} in it",
                               f"edgenas run --out {path.parent}")
            return cls.model_validate_json(json.dumps(known))  # JSON's rules: lists are tuples
        except FileError as error:
            raise RunError(error.message, ANEW) from error
        except ValidationError as error:
            raise RunError(misfit(path, error, known.get("edgenas") if isinstance(known, dict) else None),
                           ANEW) from error
        except ValueError as error:
            raise RunError(f"{path} is damaged: {error}", ANEW) from error
