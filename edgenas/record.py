"""Records: what phases hand to each other and files keep. The class that writes one is the class that reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    JsonValue,
    PlainSerializer,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from edgenas import __version__
from edgenas.errors import RunError
from edgenas.files import read_json, write_json
from edgenas.text import one_line

Json = dict[str, JsonValue]
"""A JSON object of which only its reader knows what it says."""
CONFIG = "run.json"


def _whole_or_not(value: object, check: ValidatorFunctionWrapHandler) -> Any:
    checked = check(value)
    return value if type(value) is int else checked


Number = Annotated[float, WrapValidator(_whole_or_not), PlainSerializer(lambda value: value)]
"""A figure that is written as it was counted: a whole number stays one."""


class Record(BaseModel):
    """Frozen values by name, checked when they are made and when they are read.

    JSON has what was said, and no defaults: a record that was read is written as it was. Files may say more than is
    relied on. An infinite number, or none, is refused.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False, populate_by_name=True)

    def to_json(self) -> Json:
        found: Json = self.model_dump(mode="json", exclude_unset=True, by_alias=True)
        return found

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Raises: pydantic's ValidationError, a ValueError, naming the place that is not as `to_json` writes it."""
        return cls.model_validate(value)

    def replaced(self, **changes: Any) -> Self:
        """The same with other values, which are not checked."""
        return self.model_copy(update=changes)


class Kept(Record):
    """A record that is a file of its own in a run's folder."""

    FILE: ClassVar[str]

    @classmethod
    def read(cls, folder: Path, name: str = "") -> Self | None:
        """None if there is no such file. name: of the file, FILE by default.

        Raises: RunError naming the file and the place in it that is not as edgenas writes it, and the version that
        wrote it where that is another.
        """
        path = folder / (name or cls.FILE)
        value = read_json(path)
        if value is None:
            return None
        try:
            return cls.from_json(value)
        except ValidationError as error:
            raise RunError(misfit(path, error, writer_of(folder)), "delete it and run the command again") from error

    def write(self, folder: Path, name: str = "") -> None:
        write_json(folder / (name or self.FILE), self.to_json())


def misfit(path: Path, error: ValidationError, writer: object) -> str:
    """A sentence: what in `path` is not as this edgenas writes it. writer: the version that is said to have written
    it."""
    first = error.errors()[0]
    where = one_line(".".join(map(str, first["loc"])), 200)
    what = f"{where + ': ' if where else ''}{one_line(first['msg'], 400)}"
    if isinstance(writer, str) and writer != __version__:
        return f"{path} is of edgenas {one_line(writer, 40)}, and edgenas {__version__} reads another form: {what}"
    return f"{path} is damaged: {what}"


def writer_of(folder: Path) -> object:
    """The version of edgenas that the run in `folder` says it is of; None where nothing says so."""
    try:
        known = read_json(folder / CONFIG)
    except RunError:
        return None
    return known.get("edgenas") if isinstance(known, dict) else None
